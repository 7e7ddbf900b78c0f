import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { debianCatalogue } from './catalogues/debian.ts'
import { upstreamCatalogue } from './catalogues/upstream.ts'
import { ModelConfig, type ParseOptions, parseModelConfig, verdictOf } from './model-config.ts'

const exact: ParseOptions = { catalogue: upstreamCatalogue, policy: 'exact' }
const nearest: ParseOptions = { catalogue: debianCatalogue, policy: 'nearest' }
const minimal = 'python: 3.6\nentrypoint: python runway_model.py\ncuda: 9.2\nbuild_steps:\n  - pip install torch\n'

function parse(text: string | Uint8Array, options = exact) {
  return parseModelConfig(typeof text === 'string' ? new TextEncoder().encode(text) : text, options)
}

/** `line:column code` of each problem. */
function found(text: string | Uint8Array, options = exact): string[] {
  return parse(text, options).problems.map((p) => `${p.line}:${p.column} ${p.code.replace('model-config/', '')}`)
}

/** The minimal file with one top-level key set to something else, or left out. */
function withKey(key: string, written: string | null): string {
  const lines = minimal.split('\n').filter((line) => !line.startsWith(`${key}:`))
  return [...(written === null ? [] : [`${key}:${written === '' ? '' : ` ${written}`}`]), ...lines].join('\n')
}

describe('parseModelConfig', () => {
  it('turns a whole file into a typed config', () => {
    const text = [
      'version: 0.1',
      'python: 3.6',
      'entrypoint: python runway_model.py # a comment',
      'cuda: 10.0 ',
      'cuda_flavor: devel',
      'framework: tensorflow',
      'spec: {cpu: False, gpu: true}',
      'files:',
      '  ignore:',
      '    - my_dataset/*',
      '    - "*.pt"',
      'build_steps:',
      '  - pip install -r requirements.txt',
      '  - if_gpu: echo "GPU build"',
      '  - if_cpu:',
      '      - echo 1',
      '      - echo 2',
      'license: MIT',
      'cudnn: 7.0',
    ].join('\r\n')
    const { config, problems } = parse(text)
    expect(ModelConfig.parse(config)).toEqual({
      version: '0.1',
      python: { text: '3.6', canonical: '3.6' },
      entrypoint: { text: 'python runway_model.py', line: 3 },
      cuda: { text: '10.0', canonical: '10.0' },
      cudaFlavor: 'devel',
      framework: 'tensorflow',
      targets: ['gpu'],
      ignore: [
        { pattern: 'my_dataset/*', line: 10 },
        { pattern: '*.pt', line: 11 },
      ],
      buildSteps: [
        { text: 'pip install -r requirements.txt', line: 13, condition: null },
        { text: 'echo "GPU build"', line: 14, condition: 'gpu' },
        { text: 'echo 1', line: 16, condition: 'cpu' },
        { text: 'echo 2', line: 17, condition: 'cpu' },
      ],
      metadata: { license: 'MIT', cudnn: '7.0' },
      lines: expect.objectContaining({ python: 2, cuda: 4, framework: 6, 'spec.gpu': 7, 'build_steps[1].if_gpu': 14 }),
    })
    expect(problems.map((p) => `${p.line} ${p.severity} ${p.code}`)).toEqual([
      '5 notice model-config/cuda-flavor',
      '16 warning model-config/condition-list',
      '18 warning model-config/metadata-key',
      '19 warning model-config/unknown-key',
    ])
  })

  it('says everything that is wrong at once, each with a place, a remedy and one sentence', () => {
    const { config, problems } = parse('python: 2.7\nframework: torch\nspec:\n  gpu: yes\nbuild steps:\n  - make\n')
    expect(config).toBeNull()
    expect(problems.map((p) => `${p.line}:${p.column} ${p.path}`)).toEqual([
      '1:1 entrypoint',
      '1:1 cuda',
      '1:9 python',
      '2:12 framework',
      '4:8 spec.gpu',
      '5:1 build steps',
    ])
    expect(problems[2]!.sentence).toMatch(
      /^Line 1, `python: 2\.7`: Python 2\.7 was allowed by older docs and is no longer supported; allowed: 3\.6, .*3\.13; write one of these/,
    )
    expect(problems[3]!.sentence).toContain('did you mean `pytorch`?')
    expect(problems[5]!.sentence).toContain('did you mean `build_steps`?')
  })
})

describe('what is accepted without a word', () => {
  it.each([
    ['Windows line ends', minimal.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${minimal}`],
    ['no newline at the end', minimal.trimEnd()],
    ['trailing blanks and comments', minimal.replaceAll('\n', '  # c\n')],
    ['a document start', `---\n${minimal}`],
    ['quoted numbers', withKey('python', '"3.6"')],
    ['python 3.10', withKey('python', '3.10')],
    ['cuda 10', withKey('cuda', '10')],
    ['cuda 10.0', withKey('cuda', '10.0')],
    ['cuda "10"', withKey('cuda', '"10"')],
    ['cuda 9', withKey('cuda', '9')],
    ['cuda 11.8', withKey('cuda', '11.8')],
    ['cuda 12', withKey('cuda', '12')],
    ['booleans in every case', `${minimal}spec: {cpu: TRUE, gpu: true}`],
    ['half of spec', `${minimal}spec: {cpu: False}`],
    ['nulls that count as absent', `${minimal}version:\nfiles:\nspec:\nframework: ~`],
    ['a null ignore', `${minimal}files:\n  ignore:`],
    ['cuda on a CPU-only model', `${minimal}spec: {gpu: False}`],
    ['no cuda on a CPU-only model', `${withKey('cuda', null)}spec: {gpu: False}`],
    ['conditional steps of a disabled build', `${minimal}  - if_cpu: make\nspec: {cpu: False}`],
    ['the same condition twice', `${minimal}  - if_gpu: make\n  - if_gpu: make install`],
    ['an assignment before the program', withKey('entrypoint', 'CUDA_VISIBLE_DEVICES="" python runway_model.py')],
    ['cd joined with a command', `${minimal}  - cd src && make && cd ..`],
    ['apt with -y anywhere', `${minimal}  - apt-get -yq install a && apt install b -y && apt-get install -qq c`],
    ['escaped characters in quotes', `${minimal}  - sed -i 's/a\\.b/c\\d/' x && echo "a\\nb"`],
  ])('%s', (_, text) => {
    expect(found(text)).toEqual([])
    expect(parse(text).config).not.toBeNull()
  })
})

describe('what is accepted with a warning', () => {
  it.each([
    ['another version', withKey('version', '0.3'), '1:10 version'],
    ['a version that is text', withKey('version', '0.14.4'), '1:10 version'],
    ['framework None', withKey('framework', 'None'), '1:12 framework-none'],
    ['framework none', withKey('framework', 'none'), '1:12 framework-none'],
    ['a metadata key', withKey('description', 'A model'), '1:1 metadata-key'],
    ['an unknown key', withKey('cudnn', '7.0'), '1:1 unknown-key'],
    ['a patch level of python', withKey('python', '3.6.9'), '1:9 python-patch-level'],
    ['a patch level left open', withKey('python', '3.6.x'), '1:9 python-patch-level'],
    ['an unknown cuda_flavor', withKey('cuda_flavor', 'full'), '1:14 cuda-flavor'],
    ['a cuda that is not used', `cuda: 7.5\n${withKey('cuda', null)}spec: {gpu: False}`, '1:7 cuda'],
    ['a bare cd', `${minimal}  - cd src`, '6:5 step-without-effect'],
    ['a bare export', `${minimal}  - export A=b`, '6:5 step-without-effect'],
    ['sudo', `${minimal}  - sudo apt-get update`, '6:5 sudo'],
    ['sudo further on', `${minimal}  - cd x && sudo make`, '6:5 sudo'],
    ['apt install without -y', `${minimal}  - apt-get update && apt install git`, '6:5 apt-asks'],
    ['a Windows path in a step', `${minimal}  - python src\\setup.py`, '6:5 windows-path'],
    ['a Windows path in the entrypoint', withKey('entrypoint', 'python src\\run.py'), '1:13 windows-path'],
    ['a Windows path in a pattern', `${minimal}files: {ignore: ['data\\*']}`, '6:18 windows-path'],
    ['a Dockerfile instruction', `${minimal}  - RUN pip install a`, '6:5 dockerfile-instruction'],
    ['a folded line with its backslash', `${minimal}  - cd a && \\\n    make`, '6:5 folded-line'],
    ['no build steps', minimal.split('build_steps')[0]!, '1:1 no-build-steps'],
    ['empty build steps', `build_steps: []\n${minimal.split('build_steps')[0]}`, '1:14 no-build-steps'],
    ['a pattern outside the project', `${minimal}files: {ignore: [~/.cnocr]}`, '6:18 pattern-outside'],
    ['an absolute pattern', `${minimal}files: {ignore: [/etc]}`, '6:18 pattern-outside'],
    ['a pattern that climbs', `${minimal}files: {ignore: [a/../../b]}`, '6:18 pattern-outside'],
    ['a pattern with other signs', `${minimal}files: {ignore: ["!runway.yml"]}`, '6:18 pattern-literal'],
    ['an entrypoint that is a file', withKey('entrypoint', 'test_video.py'), '1:13 entrypoint-not-a-program'],
    ['a list of commands under a condition', `${minimal}  - if_gpu: [make, make install]`, '6:13 condition-list'],
  ])('%s', (_, text, problem) => {
    expect(found(text)).toEqual([problem])
    expect(verdictOf(parse(text).problems)).toBe('warned')
    expect(parse(text).config).not.toBeNull()
  })

  it('a null list item, which is skipped', () => {
    const { config, problems } = parse(`${minimal}  -\n  - make\nfiles:\n  ignore:\n    -\n    - a\n`)
    expect(problems.map((p) => `${p.severity} ${p.path}`)).toEqual([
      'warning build_steps[1]',
      'warning files.ignore[0]',
    ])
    expect(config?.buildSteps.map((step) => step.text)).toEqual(['pip install torch', 'make'])
  })
})

describe('what is refused', () => {
  it.each([
    ['an empty file', '', '1:1 empty'],
    ['only a comment', '# nothing\n', '1:1 empty'],
    ['a list', '- python: 3.6\n', '1:1 not-a-map'],
    ['plain text', 'hello\n', '1:1 not-a-map'],
    ['python missing', withKey('python', null), '1:1 python-missing'],
    ['python null', withKey('python', ''), '1:8 python-missing'],
    ['python 2.7', withKey('python', '2.7'), '1:9 python'],
    ['python 3', withKey('python', '3'), '1:9 python'],
    ['python 3.5', withKey('python', '3.5'), '1:9 python'],
    ['python 3.99', withKey('python', '3.99'), '1:9 python'],
    ['python no', withKey('python', 'no'), '1:9 python'],
    ['python 0o17', withKey('python', '0o17'), '1:9 python'],
    ['python 1e400', withKey('python', '1e400'), '1:9 python'],
    ['a list of pythons', withKey('python', '[3.6]'), '1:9 python'],
    ['python with a line break', withKey('python', '"3.6\\nFROM evil"'), '1:9 python'],
    ['base without python', withKey('python', null).replace(/^/, 'base: python3.5\n'), '1:1 base-without-python'],
    ['entrypoint missing', withKey('entrypoint', null), '1:1 entrypoint-missing'],
    ['entrypoint empty', withKey('entrypoint', '""'), '1:13 entrypoint'],
    ['entrypoint null', withKey('entrypoint', ''), '1:12 entrypoint'],
    ['entrypoint a list', withKey('entrypoint', '[python, x.py]'), '1:13 entrypoint'],
    ['entrypoint a number', withKey('entrypoint', '3'), '1:13 entrypoint'],
    ['cuda missing', withKey('cuda', null), '1:1 cuda-missing'],
    ['cuda null', withKey('cuda', ''), '1:6 cuda-missing'],
    ['cuda 7.5', withKey('cuda', '7.5'), '1:7 cuda'],
    ['cuda 8.0', withKey('cuda', '8.0'), '1:7 cuda'],
    ['cuda 9.6', withKey('cuda', '9.6'), '1:7 cuda'],
    ['cuda with a command', withKey('cuda', '"10 && id"'), '1:7 cuda'],
    ['cuda a map', withKey('cuda', '{a: b}'), '1:7 cuda'],
    ['framework torch', withKey('framework', 'torch'), '1:12 framework'],
    ['framework keras', withKey('framework', 'keras'), '1:12 framework'],
    ['framework with a version', withKey('framework', 'pytorch=1.0.0'), '1:12 framework'],
    ['framework hostile', withKey('framework', 'pytorch@evil'), '1:12 framework'],
    ['spec not boolean', `spec: {cpu: "False,"}\n${minimal}`, '1:13 spec-not-boolean'],
    ['spec quoted', `spec: {cpu: "True"}\n${minimal}`, '1:13 spec-not-boolean'],
    ['spec yes', `spec: {cpu: yes}\n${minimal}`, '1:13 spec-not-boolean'],
    ['spec null', `spec: {cpu: }\n${minimal}`, '1:13 spec-not-boolean'],
    ['both off', `spec: {cpu: False, gpu: False}\n${minimal}`, '1:7 no-target'],
    ['spec a list', `spec: [gpu]\n${minimal}`, '1:7 wrong-type'],
    ['files a list', `files: [a]\n${minimal}`, '1:8 wrong-type'],
    ['ignore without a colon', `files:\n  ignore\n    - a\n${minimal}`, '2:3 wrong-type'],
    ['ignore a string', `files:\n  ignore:\n    -x\n${minimal}`, '3:5 wrong-type'],
    ['build_steps a string', withKey('build_steps', 'make').replace(/ {2}- pip.*\n/, ''), '1:14 wrong-type'],
    ['two conditions in one step', `${minimal}  - {if_gpu: x, if_cpu: y}`, '6:5 step-keys'],
    ['another condition', `${minimal}  - if_tpu: x`, '6:5 near-miss'],
    ['a condition with a dash', `${minimal}  - if-gpu: x`, '6:5 near-miss'],
    ['a command with a colon', `${minimal}  - echo note: x`, '6:5 step-keys'],
    ['a step that is a number', `${minimal}  - 3`, '6:5 wrong-type'],
    ['a step that is a boolean', `${minimal}  - true`, '6:5 wrong-type'],
    ['a step inside a step', `${minimal}  - [make]`, '6:5 wrong-type'],
    ['build steps with a space', `build steps:\n  - make\n${minimal}`, '1:1 near-miss'],
    ['entry_point', `entry_point: x\n${minimal}`, '1:1 near-miss'],
    ['ignores', `files: {ignores: [a]}\n${minimal}`, '1:9 near-miss'],
    ['Python', `Python: 3.6\n${minimal}`, '1:1 near-miss'],
  ])('%s', (_, text, problem) => {
    expect(found(text)).toContain(problem)
    expect(parse(text).config).toBeNull()
    expect(parse(text).problems.filter((p) => p.severity === 'error')).toHaveLength(1)
  })

  it.each([
    ['True', '"True"'],
    ['True', 'yes'],
    ['False', 'Flase'],
    ['False', 'False,'],
    ['False', '0'],
  ])('guesses %s for %s and judges the rest by it', (meant, written) => {
    const { problems } = parse(`spec:\n  cpu: ${written}\n${minimal}`)
    expect(problems.map((p) => p.mend)).toEqual([expect.stringContaining(`cpu: ${meant}\``)])
    expect(found(`${withKey('cuda', null)}spec:\n  gpu: Flase`)).toEqual(['6:8 spec-not-boolean'])
  })

  it.each([
    ['a quote that is not closed', `${minimal}  - "make\n`, 'close the quotation mark'],
    ['a reserved sign', `${minimal}  - @make\n`, 'put quotes around the value'],
    ['no space after the colon', 'python:3.6\nentrypoint: x\n', 'put a space after the colon'],
    ['two colons', `${minimal}  - if_gpu: echo a: b\n`, 'put quotes around a value that holds a colon'],
    ['a tab', `${minimal.replace('  -', '\t-')}`, 'indent with spaces'],
    ['another indentation', `${minimal} - make\n`, 'begin in the same column'],
    ['list and map mixed', `${minimal}files:\n  - a\n  ignore: [b]\n`, 'begin in the same column'],
    ['a pasted page', `${minimal}.. note::\n    If you need it:\n    more\n`, 'pasted from a documentation page'],
  ])('hints at the remedy for YAML errors: %s', (_, text, hint) => {
    expect(parse(text).problems.map((p) => p.mend)).toEqual([expect.stringContaining(hint)])
  })

  it.each([
    ['build.commands and schedules', 'version: v1\nbuild:\n  commands: [a]\nschedules: []\n', 'job-host'],
    ['a Node host', 'name: x\nruntime: node\nbuild: npm i\nstart: npm start\nenv: {}\n', 'node-host'],
    ['a conda environment', 'name: x\nchannels: [a]\ndependencies: [b]\n', 'conda'],
    ['a cog.yaml', 'build:\n  python_version: "3.8"\npredict: "predict.py:P"\n', 'cog'],
    ['a Compose file', 'services:\n  web:\n    image: x\n', 'container-host'],
    ['a deployment', 'deployments:\n  - modules: [x]\n', 'onica-runway'],
    ['a deployment with merge keys', 'a: &a {b: c}\ndeployments:\n  - <<: *a\n', 'onica-runway'],
  ])('the file of another tool: %s', (_, text, tool) => {
    const { foreign, problems } = parse(text)
    expect(foreign?.tool).toBe(tool)
    expect(problems.map((p) => p.sentence)).toEqual([expect.stringContaining('not a model')])
  })

  it("keeps a file that is ours although another tool's keys were pasted into it", () => {
    expect(parse(`${minimal}dependencies: [a]\nchannels: [b]\n`).foreign).toBeUndefined()
  })
})

describe('under nearest', () => {
  it('leaves a Python and a CUDA that the catalogue lacks to the base resolver', () => {
    expect(found(minimal, nearest)).toEqual([])
    expect(found(withKey('cuda', '10.1'), nearest)).toEqual([])
    expect(found(withKey('python', '3.5'), nearest)).toEqual([])
  })
  it('refuses Python 2.7, a Python newer than any entry, and what is no version', () => {
    expect(found(withKey('python', '2.7'), nearest)).toEqual(['1:9 python'])
    expect(found(withKey('python', '3.14'), nearest)).toEqual(['1:9 python'])
    expect(found(withKey('cuda', 'latest'), nearest)).toEqual(['1:7 cuda'])
  })
  it('refuses under exact what the Debian catalogue lacks, naming what it has', () => {
    const { problems } = parse(minimal, { catalogue: debianCatalogue, policy: 'exact' })
    expect(problems.map((p) => `${p.path} ${p.allowed}`)).toEqual(['python 3.9, 3.11, 3.13', 'cuda 11.2, 11.8, 12.4'])
  })
})

describe('hostile and broken bytes', () => {
  const laughs = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\n`
  it.each<[string, string | Uint8Array, string]>([
    ['billion laughs', laughs, 'alias'],
    ['5,000 anchors', Array.from({ length: 5000 }, (_, i) => `- &a${i} x`).join('\n'), 'too-'],
    ['an alias of itself', 'a: &a [*a]\n', 'alias'],
    ['a merge key', `<<: {a: b}\n${minimal}`, 'alias'],
    ['100,000 brackets', '['.repeat(100_000), 'too-large'],
    ['60,000 brackets', '['.repeat(60_000), 'too-deep'],
    ['nested maps', '{a: '.repeat(16_000), 'too-deep'],
    ['nested questions', '? '.repeat(32_000), 'too-deep'],
    ['nested dashes', '- '.repeat(20_000), 'too-deep'],
    ['nested by indentation', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'too-deep'],
    ['30,000 keys', Array.from({ length: 30_000 }, (_, i) => `k${i}: 1`).join('\n'), 'too-large'],
    ['5,000 keys', Array.from({ length: 5000 }, (_, i) => `k${i}: 1`).join('\n'), 'too-many-values'],
    ['unterminated quotes', `a: "${'x'.repeat(60_000)}`, 'yaml'],
    ['a NUL', `${minimal}#\u0000`, 'control-character'],
    ['an escape character', `name: \u001b[31m\n${minimal}`, 'control-character'],
    ['an escaped NUL in a step', `${minimal}  - "echo \\0"`, 'control-character'],
    ['an escaped lone surrogate', `${minimal}  - "echo \\ud800"`, 'control-character'],
    ['an escaped NUL in metadata', `name: "a\\0b"\n${minimal}`, 'control-character'],
    ['an escaped NUL in a key further down', `a: {b: [{"c\\0": d}]}\n${minimal}`, 'control-character'],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0x00]), 'encoding'],
    ['bytes that are not UTF-8', new Uint8Array([0x61, 0x3a, 0x20, 0xff]), 'encoding'],
    ['old line ends', 'python: 3.6\rentrypoint: x\r', 'line-ends'],
    ['duplicate keys', `python: 3.6\n${minimal}`, 'duplicate-key'],
    ['two documents', `${minimal}---\n${minimal}`, 'several-documents'],
    ['tabs', 'spec:\n\tgpu: True\n', 'yaml'],
    ['a key that is a list', `? [a, b]\n: c\n${minimal}`, 'complex-key'],
    ['a directive', `%YAML 1.1\n---\n${minimal}`, 'directive'],
    ['a tag', withKey('python', '!!js/function "x"'), 'tag'],
    ['a binary tag', withKey('entrypoint', '!!binary aGk='), 'tag'],
    ['an include', `${minimal}x: !include /etc/passwd`, 'tag'],
    ['__proto__', `__proto__: {x: 1}\n${minimal}`, 'forbidden-key'],
    ['__proto__ further down', `${minimal}a: {b: [{__proto__: {x: 1}}]}`, 'forbidden-key'],
    ['1,000 steps', `${minimal}${'  - make\n'.repeat(1000)}`, 'too-many-steps'],
    ['a step of 40 KB', `${minimal}  - echo ${'x'.repeat(40_000)}\n`, 'command-too-long'],
    ['an entrypoint of 40 KB', withKey('entrypoint', 'x'.repeat(40_000)), 'command-too-long'],
    ['10,000 patterns', `${minimal}files:\n  ignore:\n${'    - a\n'.repeat(10_000)}`, 'too-'],
    ['300 patterns', `${minimal}files:\n  ignore:\n${'    - a\n'.repeat(300)}`, 'too-many-patterns'],
    ['an unquoted star', `${minimal}files:\n  ignore:\n    - *.pt\n`, 'alias'],
    ['60,000 closing brackets', ']'.repeat(60_000), 'too-many-values'],
    ['20,000 document markers', '---\n'.repeat(15_000), 'too-many-values'],
    ['60,000 blank lines', '\n'.repeat(60_000), 'empty'],
    ['a value of 60,000 blanks', `spec: "${' '.repeat(60_000)}"`, 'wrong-type'],
    ['2,500 empty items', `${minimal}x:\n${'  -\n'.repeat(2500)}`, 'too-many-values'],
  ])('%s: one clear problem within a second', (_, input, code) => {
    const before = process.cpuUsage()
    const { config, problems } = parse(input)
    // Processor time: the clock also counts what else the machine does.
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(1000)
    expect(config).toBeNull()
    expect(problems.some((p) => p.code.startsWith(`model-config/${code}`))).toBe(true)
    expect(Object.prototype).not.toHaveProperty('x')
  })

  it('tells how to quote a pattern that begins with a star', () => {
    const { problems } = parse(`${minimal}files:\n  ignore:\n    - *.pt\n`)
    expect(problems.map((p) => `${p.line}:${p.column} ${p.mend}`)).toEqual(['8:7 put quotes around it: "*.pt"'])
  })

  it('keeps keys that objects have anyway as plain metadata', () => {
    const { config } = parse(`${minimal}constructor: {prototype: {x: 1}}\ntoString: a\nhasOwnProperty: b\n`)
    expect(Object.entries(config?.metadata ?? {})).toEqual([
      ['constructor', { prototype: { x: '1' } }],
      ['toString', 'a'],
      ['hasOwnProperty', 'b'],
    ])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('never prints a control character or a text direction mark in a sentence', () => {
    const { problems } = parse(`${minimal}a: "\\e[31m\\u202e"\nb: \u202ex\n`)
    for (const { sentence } of problems) expect(sentence).not.toMatch(/\p{Cc}|\u202e/u)
  })

  it('answers for any bytes at all, with a config or an error but never both', () => {
    const lines = fc.constantFrom(
      ...minimal.split('\n'),
      'spec:',
      '  gpu: False',
      'files: {ignore: [a]}',
      '- x',
      '? y',
      '"',
      "'",
      '&a',
      '*a',
      '|',
      '>',
      '!t',
      '%Y',
      '---',
      '\t',
      '[',
      '{',
      '}',
      ',',
    )
    const text = fc.array(lines, { maxLength: 12 }).map((parts) => parts.join('\n'))
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (input) => {
        const { config, problems } = parse(input)
        expect(config === null).toBe(verdictOf(problems) === 'rejected')
        if (config) ModelConfig.parse(config)
      }),
      { numRuns: 300 },
    )
  })
})
