import type { Readable } from 'node:stream'
import { PlatformError } from '../build/build-error.ts'
import { failPoint } from '../fail-point.ts'
import { projectFolderReplaced } from './build-failures.ts'
import { type Engine, engineStatus, labels, removing } from './engine.ts'
import { cleanLine, outputPieces } from './log-lines.ts'

/** What one run of an image with `RW_META=1` gave. */
export interface Inspection {
  /** At most `maxStdoutBytes`; more than that ends the run. Invalid UTF-8 becomes U+FFFD. */
  stdout: string
  /** True when the image printed more than `maxStdoutBytes`. */
  stdoutTooLong: boolean
  /** The last 16 KiB of stderr, control characters taken out but for colours. */
  stderrTail: string
  exitCode: number
  outOfMemory: boolean
  timedOut: boolean
  /** Seconds that the run was given, as the request said. */
  limitSeconds: number
}

export interface InspectionRequest {
  imageId: string
  buildId: string
  epoch: number
  memoryBytes: number
  /** 2 by default. */
  cpus?: number
  /** Seconds until the run is killed, whether or not it heeds TERM. */
  seconds: number
  /** Bytes of stdout that are kept; 1 MiB by default. */
  maxStdoutBytes?: number
  signal: AbortSignal
}

const stderrBytes = 16 * 1024
// 64 would hold the interpreter; numpy and torch start a thread per core before any variable of ours is read by them all.
const pids = 256

/**
 * Runs an image with `RW_META=1`, so that it prints its options and commands: without network, without capabilities,
 * as an unprivileged user, on a read-only file system. Leaves nothing behind. Throws `PlatformError` when the engine
 * fails and the signal's reason when it is aborted; whatever the image does is in the answer.
 */
export async function inspectImage(engine: Engine, request: InspectionRequest): Promise<Inspection> {
  request.signal.throwIfAborted()
  try {
    return await runHardened(engine, request)
  } catch (error) {
    request.signal.throwIfAborted()
    throw (
      projectFolderReplaced(error) ??
      new PlatformError(
        'build/engine-failed',
        'The container engine failed while it ran the image.',
        {},
        { cause: error },
      )
    )
  }
}

async function runHardened(engine: Engine, request: InspectionRequest): Promise<Inspection> {
  const container = await engine.docker.createContainer({
    Image: request.imageId,
    User: '65534:65534',
    Env: [
      'RW_META=1',
      'RW_HOST=127.0.0.1',
      'RW_PORT=9000',
      'PYTHONDONTWRITEBYTECODE=1',
      // Packages that a step installed with `--user` belong to root; a cache that a model makes belongs in /tmp.
      'HOME=/tmp',
      'PYTHONUSERBASE=/root/.local',
      'OMP_NUM_THREADS=2',
      'OPENBLAS_NUM_THREADS=2',
      // A step could have set these in a file that the shell reads; an image cannot, because we commit it.
      'NVIDIA_VISIBLE_DEVICES=void',
      'CUDA_VISIBLE_DEVICES=',
    ],
    Labels: {
      [labels.installation]: engine.installation,
      [labels.build]: request.buildId,
      [labels.epoch]: String(request.epoch),
      [labels.purpose]: 'inspect',
    },
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Memory: request.memoryBytes,
      MemorySwap: request.memoryBytes,
      NanoCpus: Math.round((request.cpus ?? 2) * 1e9),
      PidsLimit: pids,
      IpcMode: 'private',
      ShmSize: 64 * 2 ** 20,
      OomScoreAdj: 500,
      Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=256m,mode=1777' },
      Ulimits: [
        { Name: 'nofile', Soft: 4096, Hard: 4096 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      LogConfig: { Type: 'none', Config: {} },
    },
  })
  let attached: Readable | undefined
  let killing: Promise<void> | undefined
  let giveUpOutput = () => {}
  const outputGivenUp = new Promise<void>((resolve) => {
    giveUpOutput = resolve
  })
  const kill = () => {
    // The output goes first: the engine ends a container only when nobody is behind in reading it.
    attached?.destroy()
    giveUpOutput()
    killing ??= container.kill().catch((error) => {
      if (![404, 409].includes(engineStatus(error) ?? 0)) throw error
    })
    killing.catch(() => undefined)
  }
  let timer: NodeJS.Timeout | undefined
  let timedOut = false
  request.signal.addEventListener('abort', kill, { once: true })
  try {
    attached = (await container.attach({ stream: true, stdout: true, stderr: true })) as unknown as Readable
    const kept = keepOutput(attached, request.maxStdoutBytes ?? 2 ** 20, kill)
    kept.ended.catch(() => undefined)
    await container.start()
    failPoint('inspect:middle')
    if (request.signal.aborted) kill()
    timer = setTimeout(() => {
      timedOut = true
      kill()
    }, request.seconds * 1000)
    // After the start, because "not running" holds of a container that was never started.
    await container.wait()
    await Promise.race([outputGivenUp, kept.ended])
    request.signal.throwIfAborted()
    const { ExitCode, OOMKilled } = (await container.inspect()).State
    return {
      ...kept.take(),
      exitCode: ExitCode,
      outOfMemory: OOMKilled,
      timedOut,
      limitSeconds: request.seconds,
    }
  } finally {
    clearTimeout(timer)
    request.signal.removeEventListener('abort', kill)
    attached?.destroy()
    await removing(container.remove({ force: true, v: true }))
  }
}

/** Collects a bounded part of the output; `tooLong` is called once when stdout passes its bound. */
function keepOutput(attached: Readable, maxStdoutBytes: number, tooLong: () => void) {
  const stdout: Buffer[] = []
  let stdoutBytes = 0
  let stdoutTooLong = false
  let stderr = Buffer.alloc(0)
  const read = async () => {
    for await (const { stream, bytes } of outputPieces(attached)) {
      if (stream === 'stderr') {
        stderr = Buffer.concat([stderr, bytes]).subarray(-stderrBytes)
        continue
      }
      const room = maxStdoutBytes - stdoutBytes
      stdout.push(Buffer.from(bytes.subarray(0, room)))
      stdoutBytes += Math.min(room, bytes.length)
      if (bytes.length > room) {
        stdoutTooLong = true
        tooLong()
        return
      }
    }
  }
  return {
    ended: read(),
    take: () => ({
      stdout: Buffer.concat(stdout).toString(),
      stdoutTooLong,
      stderrTail: stderr
        .toString()
        .split('\n')
        .map((line) => cleanLine(line))
        .join('\n'),
    }),
  }
}
