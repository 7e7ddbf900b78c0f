import type { HashAnswer, HashTask } from '#src/features/files/upload/hash-worker.ts'

export interface FileHasher {
  /** SHA-256 of the first and the last MiB, in hex: tells whether a file chosen later is the same. */
  fingerprint(file: Blob): Promise<string>
  /** SHA-256 of the whole, in hex. */
  sha256(file: Blob): Promise<string>
}

/** Hashes in a thread of its own, which starts with the first file. */
export function openFileHasher(): FileHasher {
  let worker: Worker | undefined
  let last = 0
  const waiting = new Map<number, { resolve: (hex: string) => void; reject: (error: Error) => void }>()
  const start = () => {
    const started = new Worker(new URL('./hash-worker.ts', import.meta.url), { type: 'module' })
    started.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
      const task = waiting.get(data.id)
      waiting.delete(data.id)
      if ('hex' in data) task?.resolve(data.hex)
      else task?.reject(new DOMException(data.failed, 'NotReadableError'))
    }
    started.onerror = () => {
      for (const { reject } of waiting.values()) reject(new Error('The thread that hashes files failed.'))
      waiting.clear()
    }
    return started
  }
  const ask = (task: Omit<HashTask, 'id'>) =>
    new Promise<string>((resolve, reject) => {
      worker ??= start()
      const id = ++last
      waiting.set(id, { resolve, reject })
      worker.postMessage({ ...task, id } satisfies HashTask)
    })
  return {
    fingerprint: (file) => ask({ file, only: 'ends' }),
    sha256: (file) => ask({ file }),
  }
}
