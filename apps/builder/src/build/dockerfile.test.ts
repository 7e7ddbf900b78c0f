import { execFileSync } from 'node:child_process'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { parseModelConfig } from '@modelport/schema/model-config'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderDockerfile } from './dockerfile.ts'
import { imageCommand } from './image-command.ts'
import type { ImagePlan, PlanLayer } from './plan.ts'
import { planImage } from './steps/plan-image.ts'

const base = `sha256:${'a'.repeat(64)}`

describe('renderDockerfile', () => {
  it('writes exactly the planned instructions, whatever the texts of the config are', () => {
    fc.assert(
      fc.property(planArbitrary(), (plan) => {
        expect(readDockerfile(renderDockerfile(plan, base))).toEqual(instructionsOf(plan))
      }),
      { numRuns: 500 },
    )
  })

  it.each(hostileTexts())('keeps hostile text %j inside one step and one command', (text) => {
    const plan = planOf([{ kind: 'copy-project' }, step(1, text)], text)
    const dockerfile = renderDockerfile(plan, base)
    expect(dockerfile.split('\n')).toHaveLength(8 + 1)
    expect(readDockerfile(dockerfile)).toEqual(instructionsOf(plan))
  })

  it('holds for whole configs with a hostile value in any field, from the file to the Dockerfile', () => {
    let planned = 0
    fc.assert(
      fc.property(configArbitrary(), fc.constantFrom('cpu' as const, 'gpu' as const), (config, target) => {
        const bytes = new TextEncoder().encode(JSON.stringify(config))
        const parsed = parseModelConfig(bytes, { catalogue: debianCatalogue, policy: 'nearest' }).config
        if (!parsed) return
        const project = { files: [{ path: 'run.py', bytes: 1 }], readText: () => null }
        const { plan } = planImage(parsed, target, project)
        if (!plan) return
        planned += 1
        expect(readDockerfile(renderDockerfile(plan, base))).toEqual(instructionsOf(plan))
        const texts = parsed.buildSteps.filter((s) => s.condition === null || s.condition === target).map((s) => s.text)
        expect(plan.layers.flatMap((l) => (l.kind === 'step' ? [l.text] : []))).toEqual(texts)
      }),
      { numRuns: 500 },
    )
    expect(planned).toBeGreaterThan(50)
  })

  it.each(['python', 'cuda', 'framework', 'cuda_flavor', 'spec'])('never lets a hostile %s through', (field) => {
    for (const hostile of ['3.6\nFROM evil', '10 && id', 'pytorch@evil', ...hostileTexts()]) {
      const config = { python: '3.6', cuda: '10', entrypoint: 'python run.py', build_steps: ['make'], [field]: hostile }
      const bytes = new TextEncoder().encode(JSON.stringify(config))
      const parsed = parseModelConfig(bytes, { catalogue: debianCatalogue, policy: 'nearest' })
      expect(JSON.stringify(parsed.config) ?? '').not.toContain(JSON.stringify(hostile).slice(1, -1))
    }
  })

  it('refuses a base or an environment value that is not a plain token', () => {
    const plan = planOf([{ kind: 'copy-project' }], 'python runway_model.py')
    for (const hostile of ['a\nFROM evil', 'a b', '--platform=x', '', '$x', 'a"b']) {
      expect(() => renderDockerfile(plan, hostile)).toThrow('image reference')
      if (hostile !== '') {
        expect(() => renderDockerfile({ ...plan, env: { RW_PORT: hostile } }, base)).toThrow('environment')
        expect(() => renderDockerfile({ ...plan, env: { [hostile]: '1' } }, base)).toThrow('environment')
      }
    }
  })

  it('names the step whose line is longer than the engine reads', () => {
    const plan = planOf([{ kind: 'copy-project' }, step(1, 'true'), step(2, '\u2028'.repeat(11_000))], 'python x.py')
    expect(() => renderDockerfile(plan, base)).toThrow(
      expect.objectContaining({ code: 'build/command-too-long', place: { step: 'build:2', file: 'runway.yml' } }),
    )
  })

  it('puts the cache scope below everything that a builder of the engine could share', () => {
    const plan = planOf([{ kind: 'copy-project' }, step(1, "make 'x'")], 'python x.py')
    const builder = {
      labels: { 'modelport.scope': 'a1' },
      scope: 'b'.repeat(64),
      stepSeconds: 90,
      substitutionPolicy: 'exact' as const,
    }
    expect(renderDockerfile(plan, base, builder).split('\n').slice(1, 6)).toEqual([
      `FROM ${base}`,
      'LABEL modelport.scope=a1',
      `RUN ["/bin/sh","-c",": cache scope ${'b'.repeat(64)}"]`,
      'WORKDIR /model',
      'COPY ["project/","/model/"]',
    ])
    expect(renderDockerfile(plan, base, builder)).toContain(
      `RUN ["/opt/modelport/step","90","cpu","exact","1","make 'x'"]`,
    )
    expect(() => renderDockerfile(plan, base, { ...builder, scope: 'x\nRUN y' })).toThrow('not a scope')
    expect(() => renderDockerfile(plan, base, { ...builder, labels: { a: 'b\nRUN' } })).toThrow('not a plain label')
  })

  it('sets the variables that hand a device to a container only after the last step', () => {
    const plan = planOf([{ kind: 'copy-project' }, step(1, 'make')], 'python x.py')
    const lines = renderDockerfile(
      { ...plan, env: { GPU: '1', NVIDIA_VISIBLE_DEVICES: 'all', RW_PORT: '9000' } },
      base,
    ).split('\n')
    const run = lines.findIndex((line) => line.startsWith('RUN'))
    expect(lines.indexOf('ENV GPU=1')).toBeLessThan(run)
    expect(lines.indexOf('ENV NVIDIA_VISIBLE_DEVICES=all')).toBeGreaterThan(run)
  })
})

describe('imageCommand', () => {
  it.each([
    ['python runway_model.py', 'exec python runway_model.py'],
    ['CUDA_VISIBLE_DEVICES="" python runway_model.py', 'CUDA_VISIBLE_DEVICES="" exec python runway_model.py'],
    ['cd src && python run.py', 'cd src && python run.py'],
    ['exec python run.py', 'exec python run.py'],
    ['python run.py | tee log', 'python run.py | tee log'],
    ['A=$B python run.py', 'A=$B python run.py'],
    ["A='x y' B=1 './my run.sh'", "A='x y' B=1 './my run.sh'"],
  ])('starts %s as %s', (entrypoint, text) => {
    expect(imageCommand(entrypoint)).toEqual(['/bin/sh', '-c', text])
  })

  it('passes assignments on to the command when the shell runs it', () => {
    const [shell, ...args] = imageCommand('MODELPORT_TRIAL="a b" env')
    expect(execFileSync(shell!, args, { encoding: 'utf8' })).toContain('MODELPORT_TRIAL=a b')
  })
})

/** An independent reading of the small dialect: one instruction per line, JSON arguments, constants. */
function readDockerfile(text: string): unknown[] {
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  expect(lines.shift()).toMatch(/^# [A-Z]/)
  return lines.map((line) => {
    expect(line).toMatch(/^[\u0020-\u007e]+$/)
    expect(line).not.toContain('<<')
    const space = line.indexOf(' ')
    const [name, rest] = [line.slice(0, space), line.slice(space + 1)]
    if (name === 'RUN' || name === 'COPY' || name === 'CMD') {
      const words: unknown = JSON.parse(rest)
      expect(Array.isArray(words) && words.every((word) => typeof word === 'string')).toBe(true)
      return [name, words]
    }
    expect(['FROM', 'WORKDIR', 'ENV']).toContain(name)
    return [name, rest]
  })
}

function instructionsOf(plan: ImagePlan): unknown[] {
  const { GPU, ...env } = plan.env
  return [
    ['FROM', base],
    ['WORKDIR', '/model'],
    ...(GPU ? [['ENV', `GPU=${GPU}`]] : []),
    ...plan.layers.map((layer) => {
      if (layer.kind === 'step') return ['RUN', ['/bin/sh', '-c', layer.text]]
      return ['COPY', [layer.kind === 'copy-project' ? 'project/' : 'hoisted/', '/model/']]
    }),
    ...Object.entries(env).map(([name, value]) => ['ENV', `${name}=${value}`]),
    ['CMD', imageCommand(plan.entrypoint)],
  ]
}

function planOf(layers: PlanLayer[], entrypoint: string): ImagePlan {
  return {
    target: 'cpu',
    files: [],
    emptyDirectories: [],
    ignored: [],
    layers,
    entrypoint,
    env: { RW_HOST: '0.0.0.0', RW_PORT: '9000' },
  }
}

function step(number: number, text: string): PlanLayer {
  return { kind: 'step', number, text, hoisted: false }
}

/** YAML reads JSON, so that a config of any values can be written down as it is. */
function configArbitrary(): fc.Arbitrary<Record<string, unknown>> {
  const hostile = fc.oneof(fc.constantFrom(...hostileTexts()), fc.string({ unit: 'binary', maxLength: 30 }))
  const or = (good: unknown) =>
    fc.oneof({ weight: 12, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: hostile })
  const stepText = fc.oneof(hostile, fc.constantFrom('pip install numpy', 'make', 'apt-get install -y git'))
  const step = fc.oneof(
    stepText,
    stepText.map((text) => ({ if_gpu: text })),
    stepText.map((text) => ({ if_cpu: text })),
  )
  return fc.record(
    {
      python: or('3.6'),
      entrypoint: fc.oneof(hostile, fc.constant('python run.py')),
      cuda: or('10'),
      framework: or('pytorch'),
      version: or(0.1),
      name: hostile,
      files: fc.record({ ignore: fc.array(hostile, { maxLength: 3 }) }),
      build_steps: fc.array(step, { maxLength: 5 }),
    },
    { requiredKeys: ['python', 'entrypoint', 'cuda', 'build_steps'] },
  )
}

function planArbitrary(): fc.Arbitrary<ImagePlan> {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(...hostileTexts()),
    fc.constantFrom('\n', '\r', '\u2028', '\\', '"', '<<EOF', '\nRUN x', '# syntax=a', '$', '`'),
  )
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
  const layer = fc.oneof(
    text.map((t) => step(1, t)),
    fc.constant<PlanLayer>({ kind: 'copy-project' }),
    fc.constant<PlanLayer>({ kind: 'copy-files', files: ['requirements.txt'] }),
  )
  return fc
    .record({ layers: fc.array(layer, { maxLength: 8 }), entrypoint: text })
    .map(({ layers, entrypoint }) => planOf(layers, entrypoint))
}

function hostileTexts(): string[] {
  return [
    'echo a\nRUN touch /pwned',
    'echo a\r\nRUN touch /pwned',
    'echo a\rRUN touch /pwned',
    'echo a\u2028RUN touch /pwned',
    'echo a\u0085RUN touch /pwned',
    'echo trailing \\',
    'echo trailing \\\nRUN touch /pwned',
    'cat <<EOF\nRUN touch /pwned\nEOF',
    'echo \ud800 lone',
    `echo "quotes" 'and' \`backticks\``,
    '# syntax=attacker/frontend',
    '# escape=`',
    '"] \nRUN ["touch","/pwned"',
    '--mount=type=secret,id=x cat /run/secrets/x',
    '--network=host curl x',
    '--security=insecure id',
    '["/bin/sh","-c","touch /pwned"]',
    'rm -rf / ; :',
    '$HOME $PATH $(id)',
    'ONBUILD RUN id',
    '\ufeffFROM evil',
    ' leading and trailing ',
  ]
}
