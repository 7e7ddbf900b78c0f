import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { type ModelConfig, parseModelConfig } from '@modelport/schema/model-config'
import type { Target } from '@modelport/schema/words'
import { describe, expect, it } from 'vitest'
import type { Project } from '../plan/project.ts'
import { planImage } from './plan-image.ts'

const requirements = 'runway-python\nPillow==6.2.0\n'
const template = { 'runway.yml': '', 'runway_model.py': '', 'requirements.txt': requirements }

function projectOf(files: Record<string, string>, links: string[] = []): Project {
  return {
    files: Object.entries(files).map(([path, text]) => ({ path, bytes: text.length, link: links.includes(path) })),
    readText: (path) => files[path] ?? null,
  }
}

function configOf(steps: string[], extra = '', entrypoint = 'python runway_model.py'): ModelConfig {
  const list = steps.map((step) => `  - ${step.startsWith('if_') ? step : JSON.stringify(step)}\n`).join('')
  const text = `python: 3.6\ncuda: 10\nentrypoint: ${JSON.stringify(entrypoint)}\n${extra}\nbuild_steps:\n${list}`
  const parsed = parseModelConfig(new TextEncoder().encode(text), { catalogue: debianCatalogue, policy: 'nearest' })
  if (!parsed.config) throw new Error(parsed.problems.map((p) => p.sentence).join('\n'))
  return parsed.config
}

function plan(config: ModelConfig, project: Project = projectOf(template), target: Target = 'cpu') {
  const planned = planImage(config, target, project)
  if (!planned.plan) throw new Error(planned.problems.map((p) => p.sentence).join('\n'))
  return planned.plan
}

/** One word per layer: `files`, `project`, `1`, `2`. */
function layersOf(steps: string[], project = projectOf(template)): string {
  const layers = plan(configOf(steps), project).layers
  return layers
    .map((l) => (l.kind === 'step' ? String(l.number) : l.kind === 'copy-project' ? 'project' : `files(${l.files})`))
    .join(' ')
}

describe('planImage', () => {
  it('plans the model template: requirements first, then the project, then the rest', () => {
    expect(plan(configOf(['pip install -r requirements.txt', 'if_gpu: echo "GPU"', 'if_cpu: echo "CPU"']))).toEqual({
      target: 'cpu',
      files: ['requirements.txt', 'runway.yml', 'runway_model.py'],
      emptyDirectories: [],
      ignored: [],
      layers: [
        { kind: 'copy-files', files: ['requirements.txt'] },
        { kind: 'step', number: 1, text: 'pip install -r requirements.txt', hoisted: true },
        { kind: 'copy-project' },
        { kind: 'step', number: 2, text: 'echo "CPU"', hoisted: false },
      ],
      entrypoint: 'python runway_model.py',
      env: { RW_HOST: '0.0.0.0', RW_PORT: '9000' },
    })
  })

  it('numbers the steps of its target and gives the GPU image its variables', () => {
    const gpu = plan(configOf(['if_cpu: make', 'echo a', 'if_gpu: make gpu']), projectOf(template), 'gpu')
    expect(gpu.layers.flatMap((l) => (l.kind === 'step' ? [`${l.number} ${l.text}`] : []))).toEqual([
      '1 echo a',
      '2 make gpu',
    ])
    expect(gpu.env).toEqual({
      RW_HOST: '0.0.0.0',
      RW_PORT: '9000',
      GPU: '1',
      NVIDIA_VISIBLE_DEVICES: 'all',
      NVIDIA_DRIVER_CAPABILITIES: 'compute,utility',
    })
  })

  it('gives equal plans for equal projects in any order', () => {
    const config = configOf(['pip install -r requirements.txt'])
    const project = projectOf(template)
    expect(plan(config, { ...project, files: project.files.toReversed() })).toEqual(plan(config, project))
  })
})

describe('files.ignore', () => {
  const files = [
    'runway.yml',
    'runway_model.py',
    'a.pt',
    'models/b.pt',
    'models/deep/c.pt',
    'models/d.txt',
    'data/x/y',
    'data.txt',
    'secrets.txt',
  ]
  const project = projectOf(Object.fromEntries(files.map((path) => [path, 'x'])))
  const ignoring = (...patterns: string[]) =>
    planImage(configOf(['make'], `files: {ignore: ${JSON.stringify(patterns)}}`), 'cpu', project)

  it.each<[string, string[], string[]]>([
    ['models/*', ['models/b.pt', 'models/deep/c.pt', 'models/d.txt'], ['models']],
    ['models/*/*', ['models/deep/c.pt'], ['models/deep']],
    ['models', ['models/b.pt', 'models/deep/c.pt', 'models/d.txt'], []],
    ['models/', ['models/b.pt', 'models/deep/c.pt', 'models/d.txt'], []],
    ['./models', ['models/b.pt', 'models/deep/c.pt', 'models/d.txt'], []],
    ['models/*.pt', ['models/b.pt'], []],
    ['*.pt', ['a.pt'], []],
    ['data*', ['data.txt', 'data/x/y'], []],
    ['d*a', ['data/x/y'], []],
    ['data/*', ['data/x/y'], ['data']],
    ['data/x/*', ['data/x/y'], ['data/x']],
    ['secrets.txt', ['secrets.txt'], []],
    ['**/b.pt', ['models/b.pt'], []],
    ['*.yml', [], []],
    ['../*', [], []],
    ['/models', [], []],
    ['!models', [], []],
    ['[am]*', [], []],
    ['', [], []],
    ['*a*a*a*a*a*a*a*a*a*a*a*a*a*b', [], []],
  ])('%j drops %j and leaves %j empty', (pattern, dropped, empty) => {
    const { plan } = ignoring(pattern)
    expect(files.filter((path) => !plan!.files.includes(path)).sort()).toEqual(dropped.toSorted())
    expect(plan!.emptyDirectories).toEqual(empty)
    expect(plan!.ignored).toEqual(pattern === '' ? [] : [{ pattern, files: dropped.length }])
  })

  it('warns of a pattern that matches nothing, but not of what the template brought', () => {
    const { problems } = ignoring('weights/*', 'my_dataset/*', 'models')
    expect(problems.map((p) => `${p.severity} ${p.path} ${p.line}`)).toEqual(['warning files.ignore[0] 4'])
  })

  it('counts a file for each pattern that matches it', () => {
    expect(ignoring('models/*', 'models/b.pt').plan!.ignored.map((i) => i.files)).toEqual([3, 1])
  })

  it('refuses to ignore the entrypoint, and keeps runway.yml whatever a pattern says', () => {
    const { plan, problems } = ignoring('*')
    expect(plan).toBeNull()
    expect(problems.map((p) => p.sentence)).toEqual([
      'Line 3, `entrypoint: python runway_model.py`: `runway_model.py` is left out of the image by files.ignore; remove the pattern that matches it.',
    ])
    expect(ignoring('runway.yml').plan!.files).toContain('runway.yml')
  })

  it('stays fast with many patterns and many files', () => {
    const many = {
      files: Array.from({ length: 50_000 }, (_, i) => ({ path: `d${i % 100}/${'a'.repeat(50)}${i}`, bytes: 1 })),
      readText: () => null,
    }
    const patterns = Array.from({ length: 200 }, (_, i) => `d${i}/${'*a'.repeat(30)}*b`)
    const before = process.cpuUsage()
    planImage(configOf(['make'], `files: {ignore: ${JSON.stringify(patterns)}}`, 'true'), 'cpu', many)
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5000)
  })
})

describe('hoisting', () => {
  it.each([
    [['apt-get update && apt-get install -y git', 'pip install numpy'], '1 2 project'],
    [
      ['apt-get -y update', 'apt-get -y install cmake', 'pip install -r requirements.txt'],
      'files(requirements.txt) 1 2 3 project',
    ],
    [['pip3 install "numpy>=1.0,<2" \'torch==1.0.0\'', 'python get.py'], '1 project 2'],
    [['sudo apt install --no-install-recommends libgl1 -y'], '1 project'],
    [['python -m pip install --upgrade pip'], '1 project'],
    [['pip install git+https://github.com/a/b.git@abc'], '1 project'],
    [['pip install --extra-index-url=https://example.org/simple torch'], '1 project'],
    [['pip install -rrequirements.txt'], 'files(requirements.txt) 1 project'],
    [['pip install -r ./requirements.txt --ignore-installed'], 'files(requirements.txt) 1 project'],
    [['echo start', 'pip install a', 'echo end'], '1 2 project 3'],
    [['pip install numpy[extra]'], 'project 1'],
    [['echo only'], 'project 1'],
  ])('%j runs as %s', (steps, layers) => {
    expect(layersOf(steps)).toBe(layers)
  })

  it.each([
    'pip install .',
    'pip install ./sub',
    'pip install sub/dir',
    'pip install -e .',
    'pip install -e git+https://github.com/a/b.git#egg=b',
    'pip install -t lib numpy',
    'pip install --target=lib numpy',
    'pip install --prefix x numpy',
    'pip install --src x numpy',
    'pip install --find-links wheels numpy',
    'pip install -f . numpy',
    'pip install thing.whl',
    'pip install thing.tar.gz',
    'pip install file:///model/x',
    'pip install git+file:///model',
    'pip install numpy; make',
    'pip install numpy | tee log',
    'pip install numpy > log',
    'pip install numpy &',
    'pip install numpy || true',
    'pip install $PACKAGES',
    'pip install `cat packages`',
    'pip install "$PACKAGES"',
    'pip install numpy==*',
    'pip install ~/x',
    'pip install numpy\nmake',
    'pip download numpy',
    'pip install --log x numpy',
    'pip install -r ../requirements.txt',
    'pip install -r /model/requirements.txt',
    'pip install -r https://example.org/requirements.txt',
    'apt-get install ./x.deb',
    'apt-get install x.deb',
    'apt-get install -t sid x',
    'apt-get remove x',
    'apt-get -o Dir::Etc=/model install x',
    'A=b pip install numpy',
    'env pip install numpy',
    'sudo -E pip install numpy',
    'cd src && pip install numpy',
    'python setup.py install',
    'conda install numpy',
    '/miniconda/bin/python -m pip install numpy',
    'pip install numpy && ',
    'pip install "numpy',
    'pip install # numpy',
  ])('leaves %j below the copy', (step) => {
    expect(layersOf([step, 'pip install later'])).toBe('project 1 2')
  })

  it.each([
    ['a specifier with a marker', 'torch>=1.0; python_version < "3.8"', true],
    ['extras and spaces', 'uvicorn[standard] >= 0.1 , < 2  # comment', true],
    ['an address', 'https://example.org/x.whl', true],
    ['a git address', 'git+https://github.com/a/b@v1#egg=b', true],
    ['a name at an address', 'b @ https://example.org/b.zip', true],
    [
      'options',
      '--index-url https://example.org/simple\n--extra-index-url=https://example.org/b\n-f https://example.org/w\n--trusted-host example.org\n--pre\n--no-index',
      true,
    ],
    ['a comment and a blank line', '\ufeff# torch\r\n\r\nnumpy\r\n', true],
    ['an editable install', '-e .', false],
    ['a path', './wheels/x.whl', false],
    ['a bare archive', 'x.whl', false],
    ['a local address', 'file:///model/x.whl', false],
    ['a name at a local address', 'b @ file:///model/b', false],
    ['a variable', 'git+https://\u0024{TOKEN}@github.com/a/b', false],
    ['a continued line', 'numpy \\\n>=1', false],
    ['local links', '--find-links wheels', false],
    ['a hash', 'numpy==1 --hash=sha256:aa', false],
    ['a missing nested file', '-r other.txt', false],
    ['a nested file outside', '-r ../other.txt', false],
  ])('judges a requirements file by its lines: %s', (_, text, safe) => {
    const project = projectOf({ ...template, 'requirements.txt': text })
    expect(layersOf(['pip install -r requirements.txt'], project)).toBe(
      safe ? 'files(requirements.txt) 1 project' : 'project 1',
    )
  })

  it('follows nested files relative to the file that names them', () => {
    const project = projectOf({
      ...template,
      'requirements.txt': '-r req/base.txt\n-c limits.txt',
      'req/base.txt': '-rmore.txt',
      'req/more.txt': '-r ./base.txt\nnumpy',
      'limits.txt': 'numpy<2',
    })
    expect(layersOf(['pip install -r requirements.txt'], project)).toBe(
      'files(limits.txt,req/base.txt,req/more.txt,requirements.txt) 1 project',
    )
  })

  it('does not follow more than eight files deep', () => {
    const chain = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`r${i}.txt`, `-r r${i + 1}.txt`]))
    const project = (depth: number) => projectOf({ ...template, ...chain, [`r${depth}.txt`]: 'numpy' })
    expect(layersOf(['pip install -r r0.txt'], project(7))).toContain('files(')
    expect(layersOf(['pip install -r r0.txt'], project(8))).toBe('project 1')
  })

  it('does not read a link or a large file ahead of the copy', () => {
    expect(layersOf(['pip install -r requirements.txt'], projectOf(template, ['requirements.txt']))).toBe('project 1')
    const large = projectOf({ ...template, 'requirements.txt': '# x\n'.repeat(20_000) })
    expect(layersOf(['pip install -r requirements.txt'], large)).toBe('project 1')
  })

  it.each(['random.py', 'pip/__init__.py', 'logging.cpython-36m-x86_64-linux-gnu.so', 'typing.pyc'])(
    'does not run `python -m pip` ahead when %s could be loaded in its place',
    (path) => {
      const project = projectOf({ ...template, [path]: '' })
      expect(layersOf(['python -m pip install numpy'], project)).toBe('project 1')
      expect(layersOf(['pip install numpy'], project)).toBe('1 project')
    },
  )
})

describe('required files', () => {
  const codes = (config: ModelConfig, files: Record<string, string>) =>
    planImage(config, 'cpu', projectOf(files)).problems.map(
      (p) => `${p.severity} ${p.code.replace('model-config/', '')}`,
    )

  it('reports a missing entrypoint script and requirements file, both at once', () => {
    const { plan, problems } = planImage(
      configOf(['pip install -r Requirements.txt']),
      'cpu',
      projectOf({ 'requirements.txt': '' }),
    )
    expect(plan).toBeNull()
    expect(problems.map((p) => `${p.line} ${p.code} ${p.mend}`)).toEqual([
      '6 model-config/requirements-file-missing write it as it is spelled in the repository: `requirements.txt`',
      '3 model-config/entrypoint-file-missing add the file, or correct its name',
    ])
  })

  it('looks at the steps of the target only', () => {
    expect(codes(configOf(['if_gpu: pip install -r gpu.txt']), template)).toEqual([])
  })

  it.each([
    ['git clone https://example.org/x && pip install -r x/requirements.txt'],
    ['cd sub && pip install -r other.txt'],
    ['wget https://example.org/r.txt; pip install -r r.txt'],
    ['pip install -r $FILE'],
    ['pip install -r https://example.org/r.txt'],
  ])('leaves a file that a step may bring to the build: %s', (step) => {
    expect(codes(configOf([step]), template)).toEqual([])
  })

  it('only warns when a step may bring the whole directory of the entrypoint', () => {
    const entrypoint = 'python repo/run.py'
    expect(codes(configOf(['git clone https://example.org/repo'], '', entrypoint), template)).toEqual([
      'warning entrypoint-file-missing',
    ])
    expect(codes(configOf(['pip install numpy'], '', entrypoint), template)).toEqual(['error entrypoint-file-missing'])
    expect(codes(configOf(['python get.py'], '', 'python other.py'), template)).toEqual([
      'error entrypoint-file-missing',
    ])
  })

  it.each([
    ['CUDA_VISIBLE_DEVICES="" python -u runway_model.py --port 9000', 'runway_model.py'],
    ['cd src && python run.py', 'src/run.py'],
    ['export A=b && python3.6 run.py', 'run.py'],
    ['exec /miniconda/bin/python ./run.py', 'run.py'],
    ['sh start.sh', 'start.sh'],
    ['./start', 'start'],
    ['test_video.py', 'test_video.py'],
    ['env A=b python run.py', 'run.py'],
    ['python -W ignore run.py', 'run.py'],
  ])('finds the script of %s', (entrypoint, script) => {
    expect(codes(configOf(['make'], '', entrypoint), template)).toEqual(
      script === 'runway_model.py' ? [] : [expect.stringMatching(/entrypoint-file-missing/)],
    )
    expect(codes(configOf(['make'], '', entrypoint), { ...template, [script]: '' })).toEqual([])
  })

  it.each([
    'python -m server',
    'python -c "import x"',
    'uvicorn app:app',
    'python $SCRIPT',
    '$(cd X && sh y.sh)',
    'python /opt/x.py',
    'make && python x.py',
  ])('says nothing about %s, whose script is not known', (entrypoint) => {
    expect(codes(configOf(['make'], '', entrypoint), template)).toEqual([])
  })
})
