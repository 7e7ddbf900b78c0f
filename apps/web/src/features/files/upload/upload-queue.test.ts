import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SendError, type World } from '#src/features/files/upload/send-file.ts'
import { openUploadQueue } from '#src/features/files/upload/upload-queue.ts'
import type { ServerUpload } from '#src/features/files/upload/upload-state.ts'

const MiB = 2 ** 20
const night = { option: 'style', choice: 'night' }
const limits = {
  places: [{ ...night, kind: 'category' as const, description: null, extension: null }],
  fileLimit: 1000 * MiB,
  free: 500 * MiB,
}
const hex = async (blob: Blob) =>
  createHash('sha256')
    .update(new Uint8Array(await blob.arrayBuffer()))
    .digest('hex')
const hasher = { fingerprint: hex, sha256: hex }
const fileOf = (bytes: number, name = 'night.pth', fill = 1) =>
  new File([new Uint8Array(bytes).fill(fill)], name, { lastModified: 1000 })

const noAnswer = (from: 'api' | 'store') => new SendError(0, from, { code: 'no-answer', sentence: 'No answer.' })

/** A server and a store in memory; tests say what goes wrong by replacing one of its functions. */
function fakeWorld() {
  const parts = new Map<number, Blob>()
  let session: (ServerUpload & { missing: number[] }) | null = null
  const calls: string[] = []
  const count = (upload: ServerUpload) => Math.ceil(upload.size / upload.partSize)
  const seen = (): ServerUpload => {
    if (!session) throw new SendError(404, 'api', { code: 'status-404', sentence: 'Gone.' })
    session.missing = Array.from({ length: count(session) }, (_, i) => i + 1).filter((n) => !parts.has(n))
    session.arrived = [...parts.values()].reduce((sum, part) => sum + part.size, 0)
    return { ...session }
  }
  const world: World = {
    now: () => performance.now(),
    wait: (_ms, signal) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          clearTimeout(timer)
          reject(signal.reason)
        }
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', stop)
          resolve()
        }, 1)
        signal.addEventListener('abort', stop)
      }),
    async put(url, bytes, { signal, onProgress }) {
      calls.push(`put ${url}`)
      await new Promise((resolve) => setTimeout(resolve, 1))
      signal.throwIfAborted()
      onProgress(bytes.size)
      parts.set(Number(url), bytes)
    },
    api: {
      async begin(wish) {
        calls.push('begin')
        session ??= {
          id: 'u1',
          status: 'uploading',
          startedBy: 'alice',
          partSize: MiB,
          missing: [],
          arrived: 0,
          verified: 0,
          failure: null,
          file: null,
          expiresAt: new Date().toISOString(),
          ...wish,
        }
        return { upload: seen(), file: null }
      },
      look: async () => {
        const upload = seen()
        if (upload.status === 'verifying' && session) {
          const whole = new Blob([...parts].sort(([a], [b]) => a - b).map(([, part]) => part))
          session.status = 'complete'
          session.file = { sha256: await hex(whole) }
        }
        return upload
      },
      async sign(_id, parts) {
        calls.push(`sign ${parts}`)
        return parts.map(String)
      },
      async note(_id, parts) {
        calls.push(`note ${parts}`)
      },
      complete: async () => {
        calls.push('complete')
        if (seen().missing!.length > 0)
          throw new SendError(409, 'api', { code: 'files/parts-missing', sentence: 'Parts are missing.' })
        session!.status = 'verifying'
        return seen()
      },
      cancel: async () => {
        calls.push('cancel')
        session = null
      },
    },
  }
  /** The parts that each call of one kind named. */
  const named = (call: string) =>
    calls.filter((one) => one.startsWith(call)).map((one) => one.slice(call.length).split(',').map(Number))
  return { world, parts, calls, named, seen }
}

function open(fake: ReturnType<typeof fakeWorld>) {
  const queue = openUploadQueue(fake.world, hasher, 'alice')
  queue.adopt([], limits)
  const until = async (status: string) => {
    const end = Date.now() + 5000
    while (!queue.state().rows.some((row) => row.status === status)) {
      if (Date.now() > end) throw new Error(`waited for ${status}: ${JSON.stringify(queue.state().rows)}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return queue.state().rows.find((row) => row.status === status)!
  }
  return { queue, until }
}

describe('the queue of uploads', () => {
  it('sends a file in parts and shows what the server found', async () => {
    const fake = fakeWorld()
    const { queue, until } = open(fake)
    const file = fileOf(5 * MiB + 1)
    queue.add([file], night)
    expect((await until('complete')).sha256).toBe(await hex(file))
    expect(fake.parts.size).toBe(6)
    expect(queue.state().completed).toBe(1)
  })

  it('gets through a link that is cut again and again, sends nothing that arrived twice, and says so', async () => {
    const fake = fakeWorld()
    const { put } = fake.world
    let cuts = 0
    fake.world.put = async (url, bytes, options) => {
      if (cuts < 20 && cuts++ % 2 === 0) throw noAnswer('store')
      return put(url, bytes, options)
    }
    const { queue, until } = open(fake)
    const statuses = new Set<string>()
    queue.subscribe(() => {
      for (const row of queue.state().rows) statuses.add(row.status)
    })
    const file = fileOf(12 * MiB)
    queue.add([file], night)
    expect((await until('complete')).sha256).toBe(await hex(file))
    expect(statuses).toContain('reconnecting')
    expect(fake.calls.filter((call) => call.startsWith('put'))).toHaveLength(12)
    // All were signed at once, and a cut says nothing against an address.
    expect(fake.named('sign')[0]).toHaveLength(12)
    expect(fake.named('sign').length).toBeLessThan(10)
  })

  it('asks the site seldom: for many addresses at a time, and with news of the parts of some seconds', async () => {
    const fake = fakeWorld()
    const { wait } = fake.world
    fake.world.wait = (ms, signal) =>
      ms < 5000
        ? wait(ms, signal)
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { queue, until } = open(fake)
    queue.add([fileOf(40 * MiB)], night)
    await until('complete')
    expect(fake.named('sign').map((parts) => parts.length)).toEqual([16, 16, 8])
    expect(fake.named('note')).toEqual([[1]])
  })

  it('tells of every part before long while it sends', async () => {
    const fake = fakeWorld()
    const { put } = fake.world
    const told = () => fake.named('note').flat()
    fake.world.put = async (url, bytes, options) => {
      const end = Date.now() + 2000
      if (url === '9') while (new Set(told()).size < 8 && Date.now() < end) await new Promise((on) => setTimeout(on, 2))
      return put(url, bytes, options)
    }
    const { queue, until } = open(fake)
    queue.add([fileOf(9 * MiB)], night)
    await until('complete')
    expect(told().slice(0, 8).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('signs a part anew when the store refuses it, and gives up after a few times with the reason', async () => {
    const fake = fakeWorld()
    const refusal = new SendError(403, 'store', { code: 'store-403', sentence: 'The object store refused a part.' })
    const { put } = fake.world
    let refused = 0
    fake.world.put = async (url, bytes, options) => {
      if (refused++ < 2) throw refusal
      return put(url, bytes, options)
    }
    const first = open(fake)
    first.queue.add([fileOf(10)], night)
    await first.until('complete')
    expect(fake.named('sign')).toEqual([[1], [1], [1]])
    const never = fakeWorld()
    never.world.put = () => Promise.reject(refusal)
    const second = open(never)
    second.queue.add([fileOf(10)], night)
    expect((await second.until('failed')).reason?.sentence).toBe('The object store refused a part.')
  })

  it('sends what the server misses at the end', async () => {
    const fake = fakeWorld()
    const { complete } = fake.world.api
    let lost = false
    fake.world.api.complete = async (id, sha256) => {
      if (!lost) {
        lost = true
        fake.parts.delete(2)
      }
      return complete(id, sha256)
    }
    const { queue, until } = open(fake)
    queue.add([fileOf(3 * MiB)], night)
    await until('complete')
    expect(fake.calls.filter((call) => call === 'put 2')).toHaveLength(2)
  })

  it('is paused and resumed, and sends only what is missing', async () => {
    const fake = fakeWorld()
    const { queue, until } = open(fake)
    const { put } = fake.world
    fake.world.put = async (url, bytes, options) => {
      if (Number(url) > 4 && queue.state().rows[0]!.status !== 'validating' && !fake.calls.includes('paused')) {
        fake.calls.push('paused')
        queue.pause(queue.state().rows[0]!.key)
      }
      return put(url, bytes, options)
    }
    const file = fileOf(8 * MiB)
    queue.add([file], night)
    const paused = await until('paused')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(queue.state().rows[0]!.status).toBe('paused')
    const arrived = fake.parts.size
    expect(arrived).toBeLessThan(8)
    queue.resume(paused.key)
    expect((await until('complete')).sha256).toBe(await hex(file))
  })

  it('goes on with an upload of an earlier visit, with the same file alone', async () => {
    const fake = fakeWorld()
    const file = fileOf(4 * MiB)
    await fake.world.api.begin({
      name: file.name,
      size: file.size,
      lastModified: 1000,
      fingerprint: await hex(file),
      ...night,
    })
    fake.parts.set(1, file.slice(0, MiB))
    fake.parts.set(2, file.slice(MiB, 2 * MiB))
    const { queue, until } = open(fake)
    queue.adopt([fake.seen()], { ...limits, free: 0 })
    const row = await until('interrupted')
    for (const other of [fileOf(4 * MiB - 1), fileOf(4 * MiB, 'day.pth'), fileOf(4 * MiB, 'night.pth', 9)]) {
      queue.continueWith(row.key, other)
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect((await until('interrupted')).reason?.code).toBe('files/other-file')
    }
    queue.continueWith(row.key, file)
    await until('complete')
    expect(queue.state().rows).toHaveLength(1)
    expect(fake.calls.filter((call) => call.startsWith('put'))).toEqual(['put 3', 'put 4'])
  })

  it('refuses before anything is read what has no room, no use or no end that fits', async () => {
    const fake = fakeWorld()
    const queue = openUploadQueue(fake.world, hasher, 'alice')
    queue.adopt([], {
      places: [{ option: 'weights', choice: null, kind: 'file', description: null, extension: '.safetensors' }],
      fileLimit: 20,
      free: 10,
    })
    const place = { option: 'weights', choice: null }
    queue.add([fileOf(5), fileOf(21, 'a.safetensors'), fileOf(11, 'a.safetensors'), fileOf(0, 'a.safetensors')], place)
    expect(queue.state().rows.map((row) => row.reason?.code)).toEqual([
      'files/empty',
      'files/quota',
      'files/too-large',
      'files/wrong-extension',
    ])
    expect(fake.calls).toEqual([])
  })

  it('is cancelled here and on the server', async () => {
    const fake = fakeWorld()
    fake.world.put = (_url, _bytes, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { queue, until } = open(fake)
    queue.add([fileOf(10)], night)
    const row = await until('uploading')
    queue.cancel(row.key)
    expect(queue.state().rows[0]!.status).toBe('cancelled')
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(fake.calls).toContain('cancel')
  })

  it('links content that turns out to be stored already', async () => {
    const fake = fakeWorld()
    const { begin } = fake.world.api
    fake.world.api.begin = async (wish) => (wish.sha256 ? { upload: null, file: { sha256: wish.sha256 } } : begin(wish))
    fake.world.put = (_url, _bytes, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { queue, until } = open(fake)
    queue.add([fileOf(65 * MiB)], night)
    expect(await until('complete')).toMatchObject({ linked: true })
  })
})
