import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import type { SubstitutionPolicy } from '@modelport/schema/words'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packagesOfBase } from '../build/explain-pip.ts'
import { packageSubstitutions, substitutionRecord } from '../build/package-substitutions.ts'
import type { BuildDriver } from '../engine/build-driver.ts'
import { containerDriver } from '../engine/container-driver.ts'
import { openTestEngine, testBaseOptions, testDriverConfig } from '../engine/docker-testing.ts'
import { type Engine, removing } from '../engine/engine.ts'
import { stagingReference } from '../engine/image-names.ts'
import { entriesOfFolder, tarOf } from '../engine/normalised-tar.ts'
import { readImageFile } from '../engine/read-image-file.ts'
import { ensureBase } from './make-base.ts'

const bases = debianCatalogue.entries.filter((e) => e.cuda === null && e.framework === null && e.flavor === 'runtime')

let engine: Engine
let close = async () => {}
let folder: string
beforeAll(async () => {
  ;({ engine, close } = await openTestEngine())
  folder = await mkdtemp(join(tmpdir(), 'modelport-pip-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await close()
}, 60_000)

describe.each(bases)('the base $id', { timeout: 240_000 }, ({ id, python }) => {
  const held = packagesOfBase[python]!
  let baseImage: string
  let driver: BuildDriver
  let count = 0
  beforeAll(async () => {
    const entry = bases.find((each) => each.id === id)!
    baseImage = (await ensureBase(engine, entry, await testBaseOptions())).imageId
    driver = containerDriver(engine, await testDriverConfig(baseImage))
  }, 900_000)

  /** Builds with these files and steps; the record is read as the worker reads it. */
  async function build(steps: string[], policy: SubstitutionPolicy, files: Record<string, string> = {}) {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const place = { buildId: `pip-${process.pid}-${id}-${++count}`, epoch: 1 }
    const lines: string[] = []
    const signal = new AbortController().signal
    const result = await driver
      .buildImage(
        {
          ...place,
          target: 'cpu',
          cacheScope: place.buildId,
          cacheSalt: policy,
          substitutionPolicy: policy,
          useCache: false,
          baseImage,
          plan: {
            target: 'cpu',
            files: Object.keys(files),
            emptyDirectories: [],
            ignored: [],
            layers: [
              { kind: 'copy-project' },
              ...steps.map((text, i) => ({ kind: 'step' as const, number: i + 1, text, hoisted: false })),
            ],
            entrypoint: 'env',
            env: {},
          },
          sourceDir: folder,
          limits: { memoryBytes: 2 ** 30, cpus: 2, pids: 256, seconds: 200, logBytes: 2 ** 24, diskBytes: 2 ** 30 },
          egress: 'public',
          labels: {},
          signal,
        },
        {
          async stepStarted() {},
          async stepEnded() {},
          line: (_step, _stream, text) => void lines.push(text),
        },
      )
      .catch((error: unknown) => ({ error }))
    const said = lines.join('\n')
    if ('error' in result) return { error: result.error, said, substitutions: [], env: [] }
    const record = await readImageFile(engine, { ...place, imageId: result.imageId, ...substitutionRecord, signal })
    const { Config } = await engine.docker.getImage(result.imageId).inspect()
    await removing(engine.docker.getImage(stagingReference({ ...place, target: 'cpu' })).remove())
    const known = { files: Object.keys(files), steps: steps.map((_, i) => ({ line: i + 10 })) }
    const substitutions = packageSubstitutions(record?.toString() ?? '', known)
    return { error: null, said, substitutions, env: Config.Env ?? [] }
  }

  it('passes the front’s own tests on its Python', async () => {
    const container = await engine.docker.createContainer({
      Image: baseImage,
      Cmd: ['python3', '-B', '-m', 'unittest', 'discover', '-s', '/bases/tests', '-p', 'test_pip_front.py'],
      HostConfig: { NetworkMode: 'none' },
    })
    try {
      const recipe = await entriesOfFolder(fileURLToPath(new URL('../../../../infra/bases', import.meta.url)))
      const entries = recipe.map((entry) => ({ ...entry, name: `bases/${entry.name}` }))
      await container.putArchive(tarOf([{ type: 'directory', name: 'bases' }, ...entries]), { path: '/' })
      const done = container.wait({ condition: 'next-exit' })
      await container.start()
      const { StatusCode } = await done
      expect(StatusCode, (await container.logs({ stdout: true, stderr: true })).toString()).toBe(0)
    } finally {
      await removing(container.remove({ force: true }))
    }
  })

  it('meets an old pin with its own version, from each name of pip, and says where', async () => {
    const steps = [
      'pip install -r requirements.txt',
      'python -m pip install numpy==1.10.4',
      'cd / && pip3 install -qU Pillow==6.0.0 && /miniconda/bin/pip --version',
      `pip${python} install Pillow==5.0.0`,
    ]
    const files = { 'requirements.txt': '# old\nrunway-python==0.0.75\nPillow==6.2.0\n' }
    const { error, said, substitutions, env } = await build(steps, 'nearest', files)
    expect(error, said).toBeNull()
    expect(substitutions.map(({ file, line, wanted, got }) => [file, line, wanted, got])).toEqual([
      ['requirements.txt', 3, 'Pillow==6.2.0', `Pillow ${held.Pillow}`],
      ['runway.yml', 11, 'numpy==1.10.4', `numpy ${held.numpy}`],
      ['runway.yml', 12, 'Pillow==6.0.0', `Pillow ${held.Pillow}`],
      ['runway.yml', 13, 'Pillow==5.0.0', `Pillow ${held.Pillow}`],
    ])
    expect(said).toContain(`Substitution: Pillow 6.2.0 → ${held.Pillow} (installed already)`)
    expect(env.join(' ')).not.toContain('MODELPORT')
  })

  it('takes a Debian package where pip has none, and fails for what nobody has', async () => {
    const { error, said, substitutions } = await build(
      ['pip install tqdm==4.0.1 "six; python_version < \'3\'"', 'python -c "import tqdm" && pip install tqdm'],
      'nearest',
    )
    expect(error, said).toBeNull()
    expect(substitutions).toMatchObject(
      [{ wanted: 'tqdm==4.0.1', got: /^python3-tqdm 4\./, line: 10 }].map((s) => ({
        ...s,
        got: expect.stringMatching(s.got),
      })),
    )
    const none = await build(['pip install tqdm no-such-package-of-ours==1'], 'nearest')
    expect(none.error).toMatchObject({ code: 'build/step-failed', place: { exitCode: 1 } })
    expect(none.said).toContain('Substitution: nothing can take the place of no-such-package-of-ours==1')
  })

  it('leaves pip alone under exact', async () => {
    for (const step of ['pip install Pillow==6.2.0', 'python -m pip install Pillow==6.2.0']) {
      const { error, said } = await build([step], 'exact')
      expect(error).toMatchObject({ code: 'build/step-failed', place: { exitCode: 1 } })
      expect(said).toContain('No matching distribution found for Pillow==6.2.0')
      expect(said).not.toContain('Substitution')
    }
  })

  it('holds what real build steps assume', async () => {
    const steps = [
      'apt install hello && hello',
      [
        'python --version && python3 --version && pip --version && pip3 --version',
        'git --version && curl --version && wget --version && unzip -v',
        'test "$(id -u)" = 0 && test ! -e /usr/lib/python3*/EXTERNALLY-MANAGED',
        '/miniconda/bin/python -c "import runway, numpy, PIL"',
        'pip install runway-python==0.0.75 && pip show runway-python',
        'pip install --user runway-python==0.1.0',
        'RW_META=1 python -c "import runway; print(runway.__name__)"',
      ].join(' && '),
      'read answer; echo "answered: $?"; apt-get update && apt-get -y install bc',
    ]
    const { error, said, substitutions } = await build(steps, 'nearest')
    expect(error, said).toBeNull()
    expect(said).toContain('Hello, world!')
    expect(said).toContain('answered: 1')
    expect(said).toContain('Version: 0.0.75')
    expect(substitutions).toEqual([])
  })
})
