import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianCatalogue } from '@modelport/schema/catalogues/debian'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestEngine, testBase, testBaseOptions } from '../engine/docker-testing.ts'
import type { Engine } from '../engine/engine.ts'
import { ensureBase } from './make-base.ts'

describe('ensureBase', { timeout: 120_000 }, () => {
  const entry = debianCatalogue.entries.find((each) => each.id === 'debian-bookworm-3.11-cpu')!
  let engine: Engine
  let close = async () => {}
  let folder: string

  beforeAll(async () => {
    const opened = await openTestEngine()
    engine = opened.engine
    close = opened.close
    await testBase()
    folder = await mkdtemp(join(tmpdir(), 'modelport-bases-'))
  }, 600_000)

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await close()
  })

  it('answers at once when the engine has the base', async () => {
    const started = performance.now()
    await ensureBase(engine, entry, await testBaseOptions())
    // Half a second is usual; making one takes half a minute.
    expect(performance.now() - started).toBeLessThan(3000)
  })

  it('makes a base once for all who ask at the same time, and again only when its content changes', async () => {
    const recipeDir = join(folder, 'recipe')
    await cp(fileURLToPath(new URL('../../../../infra/bases', import.meta.url)), recipeDir, { recursive: true })
    await mkdir(join(recipeDir, 'rootfs/opt/test'), { recursive: true })
    await writeFile(join(recipeDir, 'rootfs/opt/test/file'), `only for this test, ${folder}`)
    const said: string[] = []
    const options = { ...(await testBaseOptions()), recipeDir, onProgress: (line: string) => said.push(line) }
    const asked = [1, 2, 3].map(() => ensureBase(engine, entry, options))
    const [base, ...others] = await Promise.all(asked)
    try {
      expect(others).toEqual([base, base])
      expect(said.filter((line) => line.startsWith('Making'))).toEqual([
        'Making a base image: the SDK and our settings',
      ])
      expect(await ensureBase(engine, entry, options)).toEqual(base)
    } finally {
      await engine.docker.getImage(base!.reference).remove()
    }
  })

  it('gives up, and leaves the lock to others, when it is aborted', async () => {
    const controller = new AbortController()
    controller.abort(new Error('stopping'))
    const recipeDir = join(folder, 'aborted')
    await cp(fileURLToPath(new URL('../../../../infra/bases', import.meta.url)), recipeDir, { recursive: true })
    await writeFile(join(recipeDir, 'rootfs/opt/aborted'), folder)
    const options = { ...(await testBaseOptions()), recipeDir, signal: controller.signal }
    await expect(ensureBase(engine, entry, options)).rejects.toThrow('stopping')
  })
})
