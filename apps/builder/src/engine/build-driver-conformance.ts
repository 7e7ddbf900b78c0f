import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cancelled, PlatformError, PublisherError, TimedOut } from '../build/build-error.ts'
import type { ImagePlan, PlanLayer } from '../build/plan.ts'
import type { BuildDriver, BuildImageRequest, BuildReporter, BuiltImage } from './build-driver.ts'
import { leftovers } from './docker-testing.ts'
import { type Engine, labels, removing } from './engine.ts'
import type { LimitName } from './held-limits.ts'
import { stagingReference } from './image-names.ts'

/** What a driver under test gets, and which promises it makes beyond the common ones. */
export interface ConformanceSubject {
  engine: Engine
  /** The driver with limits that it cannot hold accepted. */
  driver: BuildDriver
  /** The same driver as most operators have it: refusing. */
  strictDriver: BuildDriver
  baseImage: string
}

interface Told {
  lines: { step: string; stream: string; text: string }[]
  ends: { step: string; exitCode: number; outOfMemory: boolean; cached: boolean; durationMs: number }[]
}

/** The behaviour that every build driver must show, run against a real engine and a real base. */
export function describeBuildDriver(name: string, open: () => Promise<ConformanceSubject>): void {
  // Most of a case is waiting for the engine, so they run beside each other, but for those that measure time.
  describe.concurrent(`build driver: ${name}`, { timeout: 90_000 }, () => {
    let subject: ConformanceSubject
    let folder: string
    let count = 0
    const run = `${process.pid}-${Date.now()}`
    const files: Record<string, string> = { 'runway_model.py': 'print("hello")\n', 'lib/data.txt': 'one\n' }

    beforeAll(async () => {
      subject = await open()
      folder = await mkdtemp(join(tmpdir(), 'modelport-conformance-'))
      await writeFiles(files)
    }, 300_000)

    afterAll(async () => {
      await rm(folder, { recursive: true, force: true })
      expect(await leftovers(subject.engine), 'containers and networks of builds are gone').toEqual([])
    })

    async function writeFiles(wanted: Record<string, string>): Promise<void> {
      for (const [path, text] of Object.entries(wanted)) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), text)
      }
    }

    function planOf(steps: string[], layers?: PlanLayer[]): ImagePlan {
      return {
        target: 'cpu',
        files: Object.keys(files).sort(),
        emptyDirectories: [],
        ignored: [],
        layers: layers ?? [
          { kind: 'copy-project' },
          ...steps.map((text, index) => ({ kind: 'step' as const, number: index + 1, text, hoisted: false })),
        ],
        entrypoint: 'python runway_model.py',
        env: { RW_PORT: '9000' },
      }
    }

    async function build(
      plan: ImagePlan,
      changes: Partial<Omit<BuildImageRequest, 'limits'>> & { limits?: Partial<BuildImageRequest['limits']> } = {},
      onLine?: BuildReporter['line'],
      withImage?: (imageId: string) => Promise<void>,
      driver = subject.driver,
    ): Promise<{ image: BuiltImage | null; error: unknown; told: Told; seconds: number }> {
      const told: Told = { lines: [], ends: [] }
      const reporter: BuildReporter = {
        async stepStarted() {},
        async stepEnded(step, end) {
          told.ends.push({ step, ...end })
        },
        line(step, stream, text) {
          if (told.lines.length < 20_000) told.lines.push({ step, stream, text })
          return onLine?.(step, stream, text)
        },
      }
      const { limits, ...rest } = changes
      const request: BuildImageRequest = {
        buildId: `conformance-${run}-${++count}`,
        epoch: 1,
        target: 'cpu',
        cacheScope: `scope-${run}`,
        cacheSalt: 'salt',
        substitutionPolicy: 'exact',
        useCache: true,
        baseImage: subject.baseImage,
        plan,
        sourceDir: folder,
        limits: {
          memoryBytes: 256 * 2 ** 20,
          cpus: 1,
          pids: 64,
          seconds: 60,
          logBytes: 20 * 2 ** 20,
          diskBytes: 200 * 2 ** 20,
          ...limits,
        },
        egress: 'public',
        labels: { 'org.example.title': 'A "title"\nwith $HOME' },
        signal: new AbortController().signal,
        ...rest,
      }
      const started = performance.now()
      try {
        const image = await driver.buildImage(request, reporter)
        await withImage?.(image.imageId)
        await removing(subject.engine.docker.getImage(stagingReference(request)).remove())
        return { image, error: null, told, seconds: (performance.now() - started) / 1000 }
      } catch (error) {
        return { image: null, error, told, seconds: (performance.now() - started) / 1000 }
      }
    }

    /** A case that needs a limit. A driver that cannot hold it must refuse to build at all, and name it. */
    function itHolds(limit: LimitName, what: string, test: () => Promise<void>): void {
      it(what, async () => {
        const unheld = await subject.driver.unheldLimits()
        if (!unheld.some((each) => each.name === limit)) return await test()
        const { error, told } = await build(planOf(['echo never']), {}, undefined, undefined, subject.strictDriver)
        expect(error).toBeInstanceOf(PlatformError)
        expect(error).toMatchObject({ code: 'build/engine-without-limits', sentence: expect.stringContaining(limit) })
        expect(told).toEqual({ lines: [], ends: [] })
      })
    }

    /** Runs one step that must end well, and returns what it printed. */
    async function output(text: string, changes: Parameters<typeof build>[1] = {}): Promise<string> {
      const { told, error } = await build(planOf([text]), changes)
      expect(error).toBeNull()
      return told.lines.flatMap((line) => (line.stream === 'note' ? [] : line.text)).join('\n')
    }

    it('copies the project, runs the steps in it, and leaves command, environment and labels', async () => {
      const request = { buildId: `kept-${run}` }
      const told: string[] = []
      const plan = planOf(['pwd; cat lib/data.txt; id -u; echo warn >&2', 'echo made > made.txt'])
      let config: { Cmd?: string[]; Env?: string[]; Labels?: Record<string, string>; WorkingDir?: string } = {}
      const image = await subject.driver.buildImage(
        {
          ...request,
          epoch: 1,
          target: 'cpu',
          cacheScope: `scope-${run}`,
          cacheSalt: 'salt',
          substitutionPolicy: 'exact',
          useCache: true,
          baseImage: subject.baseImage,
          plan,
          sourceDir: folder,
          limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, seconds: 60, logBytes: 2 ** 20, diskBytes: 2 ** 28 },
          egress: 'public',
          labels: { 'org.example.title': 'A "title"\nwith $HOME' },
          signal: new AbortController().signal,
        },
        {
          async stepStarted() {},
          async stepEnded() {},
          line: (_step, stream, text) => void told.push(`${stream}: ${text}`),
        },
      )
      const reference = stagingReference({ ...request, epoch: 1, target: 'cpu' })
      const found = await subject.engine.docker.getImage(reference).inspect()
      config = found.Config as typeof config
      await removing(subject.engine.docker.getImage(reference).remove())
      expect(found.Id).toBe(image.imageId)
      expect(image.sizeBytes).toBeGreaterThan(50 * 2 ** 20)
      expect(told).toContain('stdout: /model')
      expect(told).toContain('stdout: one')
      expect(told).toContain('stdout: 0')
      expect(told).toContain('stderr: warn')
      expect(config.Cmd).toEqual(['/bin/sh', '-c', 'exec python runway_model.py'])
      expect(config.WorkingDir).toBe('/model')
      expect(config.Env).toContain('RW_PORT=9000')
      expect(config.Env?.filter((each) => /proxy|HOME|DEBIAN/i.test(each))).toEqual([])
      expect(config.Labels?.['org.example.title']).toBe('A "title"\nwith $HOME')
    })

    it('leaves an image that starts when its entrypoint begins with environment assignments', async () => {
      const plan = { ...planOf([]), entrypoint: 'CUDA_VISIBLE_DEVICES="" python runway_model.py' }
      const started: string[] = []
      const { error } = await build(plan, { buildId: `assigned-${run}` }, undefined, async (imageId) => {
        const { docker, installation } = subject.engine
        const container = await docker.createContainer({
          Image: imageId,
          Labels: { [labels.installation]: installation },
          HostConfig: { NetworkMode: 'none' },
        })
        try {
          await container.start()
          const { StatusCode } = await container.wait()
          started.push(`${StatusCode} ${await container.logs({ stdout: true, stderr: true })}`)
        } finally {
          await removing(container.remove({ force: true, v: true }))
        }
      })
      expect(error).toBeNull()
      expect(started[0]).toMatch(/^0 .*hello/s)
    })

    it.sequential('uses every layer again when nothing changed, and those below a change of code', async () => {
      const layers: PlanLayer[] = [
        { kind: 'copy-files', files: ['lib/data.txt'] },
        { kind: 'step', number: 1, text: 'echo dependency > /opt/dependency', hoisted: true },
        { kind: 'copy-project' },
        { kind: 'step', number: 2, text: 'test -f /opt/dependency && cat runway_model.py', hoisted: false },
      ]
      const first = await build(planOf([], layers))
      expect(first.error).toBeNull()
      expect(first.image?.layers.map((layer) => layer.reused)).toEqual([false, false, false, false])
      const again = await build(planOf([], layers))
      expect(again.image?.layers.map((layer) => layer.reused)).toEqual([true, true, true, true])
      expect(again.told.ends.every((end) => end.cached)).toBe(true)
      // Three seconds, or, on a machine that is busy with other things, less than making them.
      expect(again.seconds).toBeLessThan(Math.max(3, first.seconds))

      await writeFiles({ 'runway_model.py': 'print("changed")\n' })
      const changed = await build(planOf([], layers))
      expect(changed.image?.layers.map((layer) => layer.reused)).toEqual([true, true, false, false])
      expect(changed.told.lines.map((line) => line.text)).toContain('print("changed")')

      const withoutCache = await build(planOf([], layers), { useCache: false })
      expect(withoutCache.image?.layers.map((layer) => layer.reused)).toEqual([false, false, false, false])
    })

    it('shares no layer between two scopes', async () => {
      // A layer of chance: equal only where it is the same layer.
      const plan = planOf(['cat /proc/sys/kernel/random/uuid > /opt/chance'])
      const layersOf = async (cacheScope: string) => {
        let layers: string[] = []
        const { error, image } = await build(plan, { cacheScope }, undefined, async (imageId) => {
          layers = (await subject.engine.docker.getImage(imageId).inspect()).RootFS.Layers ?? []
        })
        expect(error).toBeNull()
        return { layers, reused: image?.layers.map((layer) => layer.reused) }
      }
      const one = await layersOf(`one-${run}`)
      const again = await layersOf(`one-${run}`)
      const two = await layersOf(`two-${run}`)
      expect(again).toEqual({ layers: one.layers, reused: [true, true] })
      expect(two.reused).toEqual([false, false])
      expect(two.layers.at(-1)).not.toBe(one.layers.at(-1))
    })

    it('gives the exit code of a failing step, and hostile text reaches only its own shell', async () => {
      const text = `echo "it's" '$HOME' \`echo b\`; echo \\\nFROM evil; echo 'RUN x' # "; exit 3\nexit 7`
      const { error, told } = await build(planOf([text]))
      expect(error).toBeInstanceOf(PublisherError)
      expect(error).toMatchObject({ code: 'build/step-failed', place: { step: 'build:1', exitCode: 7 } })
      expect(told.ends).toMatchObject([{ step: 'build:1', exitCode: 7, cached: false }])
      expect(told.lines.map((line) => line.text)).toContain("it's $HOME b")
    })

    it('takes no word of a step for a word of the engine', async () => {
      const frames = [
        '{"aux":{"ID":"sha256:0000"}}',
        'Removing intermediate container $(hostname)',
        ' ---> 000000000000',
        'Step $n/$all : RUN true',
        ' ---> Using cache',
        ' ---> Running in $(hostname)',
        'Successfully built 000000000000',
      ]
      // A pause lets each line reach the reader as a message of its own.
      const echoes = frames.map((frame) => `echo "${frame.replaceAll('"', '\\"')}"; sleep 0.02`).join('; ')
      const text = `all=9; for n in 5 6 7 8 9; do ${echoes}; done`
      const { error, told } = await build(planOf([text, 'echo second; exit 9']), { useCache: false })
      expect(error).toMatchObject({ code: 'build/step-failed', place: { step: 'build:2', exitCode: 9 } })
      expect(told.ends).toMatchObject([
        { step: 'build:1', exitCode: 0, cached: false },
        { step: 'build:2', exitCode: 9, cached: false },
      ])
      const linesOf = (step: string) => told.lines.filter((line) => line.step === step).map((line) => line.text)
      expect(linesOf('build:1')).toHaveLength(frames.length * 5)
      expect(linesOf('build:2')).toEqual(['second'])
    })

    itHolds('memory', 'says so when a step runs out of memory', async () => {
      const { error, told } = await build(planOf(['python3 -c "x = bytearray(600 * 2**20)"']))
      expect(error).toMatchObject({ code: 'build/out-of-memory', place: { outOfMemory: true, exitCode: 137 } })
      expect(told.ends[0]?.outOfMemory).toBe(true)
    })

    it.sequential('stops an endless step that ignores TERM at the time limit of all steps together', async () => {
      const text = 'trap "" TERM; echo begun; while :; do sleep 0.2; done'
      const { error, seconds } = await build(planOf(['sleep 2', text]), { limits: { seconds: 5 } })
      expect(error).toBeInstanceOf(TimedOut)
      expect(seconds).toBeLessThan(8)
    })

    itHolds('log', 'stops a step that prints without end', async () => {
      const { error, told } = await build(planOf(['yes "a line of some length, again and again"']), {
        limits: { logBytes: 5 * 2 ** 20 },
      })
      expect(error).toMatchObject({ code: 'build/log-too-long' })
      expect(told.lines.every((line) => Buffer.byteLength(line.text) <= 16 * 1024)).toBe(true)
    })

    itHolds('log', 'holds a step back while its reader is busy', async () => {
      let taken = 0
      const { error, seconds } = await build(
        planOf(['yes | head -c 600000']),
        { limits: { logBytes: 2 ** 30 } },
        async () => {
          if (++taken % 30_000 === 0) await new Promise((resolve) => setTimeout(resolve, 300))
        },
      )
      expect(error).toBeNull()
      expect(taken).toBeGreaterThanOrEqual(300_000)
      expect(seconds).toBeGreaterThan(3)
    })

    itHolds('processes', 'stops a fork bomb at the process limit', async () => {
      const text = `python3 -c '
import os, time
made = 0
try:
    for _ in range(1000):
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        made += 1
except OSError as error:
    print("stopped at", made, error)
'`
      const said = await output(text)
      expect(Number(said.match(/stopped at (\d+)/)?.[1])).toBeLessThan(64)
    })

    itHolds('disk', 'stops a step that fills the disk, in one file or in many', async () => {
      const many = await build(planOf(['i=0; while :; do head -c 20000000 /dev/zero > /opt/f$i; i=$((i+1)); done']))
      expect(many.error).toMatchObject({ code: 'build/disk-limit' })
      const one = await build(planOf(['head -c 400000000 /dev/zero > /opt/one']))
      expect(one.error).toBeInstanceOf(PublisherError)
    })

    it('ends background children with the step', async () => {
      const { error, seconds } = await build(planOf(['setsid sleep 600 > /dev/null 2>&1 & echo left', 'echo next']))
      expect(error).toBeNull()
      expect(seconds).toBeLessThan(30)
      const holding = await build(planOf(['setsid sleep 600 & echo holds its output']))
      expect(holding.error).toBeNull()
      expect(holding.seconds).toBeLessThan(30)
    })

    it('gives steps a closed input', async () => {
      expect(await output('read -r x || echo "nothing to read"; cat; echo end')).toContain('nothing to read\nend')
    })

    itHolds('capabilities', 'drops what a step must not have', async () => {
      const said = await output(
        [
          'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status',
          'for c in "mount -t tmpfs x /mnt" "mknod /dev/x b 7 0" "unshare -m true" "chroot / true"; do $c 2>/dev/null && echo "ALLOWED $c"; done',
          'echo x 2>/dev/null > /proc/sysrq-trigger && echo ALLOWED sysrq',
          'echo x 2>/dev/null > /proc/sys/kernel/core_pattern && echo ALLOWED core_pattern',
          'python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)" 2>/dev/null && echo ALLOWED raw',
          'env; ls /var/run/docker.sock /run/docker.sock 2>/dev/null && echo ALLOWED socket',
          'true',
        ].join('\n'),
      )
      expect(said).not.toContain('ALLOWED')
      expect(said).toMatch(/NoNewPrivs:\s+1/)
      expect(said).toMatch(/Seccomp:\s+2/)
      expect(said).not.toMatch(/token|secret|password/i)
    })

    itHolds('network', 'reaches no host, metadata address, private network or other build', async () => {
      const secret = createServer((_request, response) => response.end('host secret'))
      await new Promise<void>((resolve) => secret.listen(0, '0.0.0.0', resolve))
      const { port } = secret.address() as AddressInfo
      const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map((one) => one.address))
      try {
        const hosts = [
          ...addresses.filter((each) => !each.includes(':')),
          '169.254.169.254',
          '100.100.100.200',
          '10.0.0.1',
        ]
        const script = `
import socket, urllib.request, os
hosts = ${JSON.stringify(hosts)}
gateway = os.popen("grep egress /etc/hosts").read().split()[0]
first = ".".join(gateway.split(".")[:3]) + "."
hosts += [first + str(int(gateway.split(".")[3]) - 1)]
for host in hosts:
    for number in (${port}, 80, 2375):
        try:
            socket.create_connection((host, number), 0.3).close()
            if not host.startswith("127."): print("OPEN", host, number)
            else: print("OPEN", host, number)
        except OSError: pass
for url in ["http://%s:${port}/" % h for h in hosts] + ["http://169.254.169.254/", "http://localhost/", "http://127.0.0.1:3128/",
            "http://metadata.google.internal/", "http://[::1]/", "http://0.0.0.0/", "http://2130706433/", "http://%s:3128/" % gateway]:
    try:
        body = urllib.request.urlopen(url, timeout=8).read()
        print("FETCHED", url, body[:40])
    except Exception as error: print("no", url, error)
print("interfaces", os.listdir("/sys/class/net"))
`
        const said = await output(`python3 - <<'E'\n${script}\nE`)
        expect(said).not.toContain('OPEN')
        expect(said).not.toContain('FETCHED')
        expect(said).not.toContain('host secret')
        expect(said).toContain('interfaces')
      } finally {
        secret.close()
      }
    })

    itHolds('names', 'resolves no name of the outside', async () => {
      const script = `
import socket
try: print("RESOLVED", socket.gethostbyname("example.com"))
except OSError: print("no names")
`
      expect(await output(`python3 - <<'E'\n${script}\nE`)).toBe('no names')
    })

    it('installs a Debian package and a listed SDK version through the proxy only', async () => {
      const said = await output(
        'apt-get install -y hello && hello; pip install "runway-python==0.2.0" && pip show runway-python | grep Version; /miniconda/bin/python -c "import runway, numpy; print(\'imported\')"',
        { limits: { seconds: 100 } },
      )
      expect(said).toContain('Hello, world!')
      expect(said).toContain('Version: 0.2.0')
      expect(said).toContain('imported')
    })

    itHolds('network', 'reaches package hosts only under the policy for strangers', async () => {
      const said = await output('curl -sS -m 10 http://example.org/; curl -m 10 https://example.org/; true', {
        egress: 'packages',
      })
      expect(said).toContain('modelport egress: host is not on the list of package hosts')
      expect(said).toMatch(/403/)
    })

    it.sequential('ends within two seconds when it is cancelled, before, in and between steps', async () => {
      const controller = new AbortController()
      let asked = 0
      const { error } = await build(
        planOf(['echo begun; trap "" TERM; sleep 60']),
        { signal: controller.signal },
        () => {
          asked = performance.now()
          controller.abort(new Error('a newer push'))
        },
      )
      expect(error).toBeInstanceOf(Cancelled)
      expect(performance.now() - asked).toBeLessThan(2000)
      const before = await build(planOf(['echo never']), { signal: AbortSignal.abort() })
      expect(before.error).toBeInstanceOf(Cancelled)
    })

    itHolds('network', 'lets two builds run at the same time, on networks that do not meet', async () => {
      const plans = ['a', 'b', 'c'].map((each) => planOf([`sleep 2; grep egress /etc/hosts; echo ${each}`]))
      const built = await Promise.all(plans.map((plan) => build(plan)))
      expect(built.map((each) => each.error)).toEqual([null, null, null])
      const proxies = built.map((each) => each.told.lines.find((line) => line.text.includes('egress'))?.text)
      expect(new Set(proxies).size).toBe(3)
    })
  })
}
