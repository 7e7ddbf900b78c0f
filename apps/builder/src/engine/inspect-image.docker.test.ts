import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openTestEngine, testBase } from './docker-testing.ts'
import { type Engine, labels, listContainers } from './engine.ts'
import { inspectImage } from './inspect-image.ts'
import { tarOf } from './normalised-tar.ts'

describe('inspectImage', { timeout: 60_000 }, () => {
  let engine: Engine
  let close = async () => {}
  let base: string
  const images: string[] = []

  beforeAll(async () => {
    const opened = await openTestEngine()
    engine = opened.engine
    close = opened.close
    base = await testBase()
  }, 300_000)

  afterEach(async () => {
    const label = [`${labels.installation}=${engine.installation}`]
    expect(await listContainers(engine, { all: true, filters: { label } })).toEqual([])
  })

  afterAll(async () => {
    for (const id of images) await engine.docker.getImage(id).remove({ force: true })
    await close()
  })

  /** An image whose command is a Python program. */
  async function imageOf(program: string): Promise<string> {
    const container = await engine.docker.createContainer({
      Image: base,
      Cmd: ['/bin/sh', '-c', 'exec python /model/m.py'],
      WorkingDir: '/model',
    })
    try {
      const source = Buffer.from(program)
      const file = { type: 'file' as const, name: 'model/m.py', executable: false, size: source.length, source }
      await container.putArchive(tarOf([file]), { path: '/' })
      const { Id } = await container.commit({ pause: 'false' })
      images.push(Id)
      return Id
    } finally {
      await container.remove({ force: true })
    }
  }

  async function inspect(program: string, changes: { seconds?: number; signal?: AbortSignal } = {}) {
    return await inspectImage(engine, {
      imageId: await imageOf(program),
      buildId: 'inspection',
      epoch: 1,
      memoryBytes: 256 * 2 ** 20,
      cpus: 1,
      seconds: 20,
      signal: new AbortController().signal,
      ...changes,
    })
  }

  it('returns what the image prints', async () => {
    const found = await inspect('import os, sys; print(os.environ["RW_META"], "ü"); print("warning", file=sys.stderr)')
    expect(found).toMatchObject({
      stdout: '1 ü\n',
      stderrTail: 'warning\n',
      exitCode: 0,
      timedOut: false,
      outOfMemory: false,
    })
  })

  it('returns a crash with the end of its error output', async () => {
    const found = await inspect('import sys; sys.stderr.write("x" * 100000); raise SystemExit("no such option")')
    expect(found.exitCode).toBe(1)
    expect(found.stderrTail).toContain('no such option')
    expect(found.stderrTail.length).toBeLessThanOrEqual(16 * 1024)
  })

  it('kills what never ends, also when it ignores TERM and forks', async () => {
    const started = performance.now()
    const found = await inspect(
      'import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); print("on", flush=True); time.sleep(600)',
      { seconds: 2 },
    )
    expect(found).toMatchObject({ timedOut: true, exitCode: 137, limitSeconds: 2 })
    expect(performance.now() - started).toBeLessThan(6000)
  })

  it('stops reading after 1 MiB', async () => {
    const found = await inspect('while True: print("x" * 1000)')
    expect(found.stdoutTooLong).toBe(true)
    expect(found.stdout.length).toBe(2 ** 20)
  })

  it('drops an endless stderr and keeps its end', async () => {
    const found = await inspect('import sys\nfor i in range(300000): print("noise", i, file=sys.stderr)\nprint("{}")')
    expect(found).toMatchObject({ stdout: '{}\n', exitCode: 0 })
    expect(found.stderrTail).toContain('noise 299999')
  })

  it('says so when memory runs out', async () => {
    expect(await inspect('x = bytearray(600 * 2**20)')).toMatchObject({ outOfMemory: true, exitCode: 137 })
  })

  it('gives the image nothing but itself', async () => {
    const { stdout } = await inspect(`
import os, socket
print(os.getuid(), os.listdir("/sys/class/net"))
print([line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))])
for path in ("/x", "/model/x", "/root/x", "/tmp/x"):
    try: open(path, "w").close(); print("wrote", path)
    except OSError as error: print("refused", path)
open("/tmp/run.sh", "w").write("#!/bin/sh\\necho ran"); os.chmod("/tmp/run.sh", 0o755)
print("exec", os.system("/tmp/run.sh 2>/dev/null"))
import numpy; print("numpy", (numpy.ones((400, 400)) @ numpy.ones((400, 400)))[0, 0])
`)
    expect(stdout).toContain("65534 ['lo']")
    expect(stdout).toContain('CapEff:\\t0000000000000000')
    expect(stdout).toContain('NoNewPrivs:\\t1')
    expect(stdout).toContain('refused /x\nrefused /model/x\nrefused /root/x\nwrote /tmp/x')
    expect(stdout).not.toContain('exec 0')
    expect(stdout).toContain('numpy 400')
  })

  it('ends when it is aborted', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('a newer push')), 800)
    const started = performance.now()
    await expect(inspect('import time; time.sleep(60)', { signal: controller.signal })).rejects.toThrow('a newer push')
    expect(performance.now() - started).toBeLessThan(4000)
  })
})
