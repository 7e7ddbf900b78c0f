'use client'
import { useRouter } from 'next/navigation'
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { browserWorld } from '#src/features/files/upload/browser-world.ts'
import { openFileHasher } from '#src/features/files/upload/hash-file.ts'
import {
  type Limits,
  openUploadQueue,
  type QueueState,
  type UploadQueue,
} from '#src/features/files/upload/upload-queue.ts'
import { isUnderWay, type ServerUpload } from '#src/features/files/upload/upload-state.ts'

// One queue for each model and person, beside the pages: a link to another page of the site leaves the uploads alone.
const queues = new Map<string, UploadQueue>()

function queueOf(path: string, login: string): UploadQueue {
  const key = `${login} ${path}`
  const queue = queues.get(key) ?? openUploadQueue(browserWorld(`/api/v1/models${path}/files`), openFileHasher(), login)
  if (!queues.has(key) && typeof window !== 'undefined') {
    queues.set(key, queue)
    guardLeaving(queue)
  }
  return queue
}

/** The browser asks before a page is closed whose uploads that would interrupt. */
function guardLeaving(queue: UploadQueue): void {
  const ask = (event: BeforeUnloadEvent) => event.preventDefault()
  let asking = false
  queue.subscribe(() => {
    const wanted = queue.state().rows.some(isUnderWay)
    if (wanted === asking) return
    asking = wanted
    // Only while it is needed: a page with this listener is not kept for the back button.
    if (wanted) addEventListener('beforeunload', ask)
    else removeEventListener('beforeunload', ask)
  })
}

interface Uploads {
  queue: UploadQueue
  limits: Limits
}
const Context = createContext<Uploads | null>(null)

/** Gives the upload controls of a Files page their queue. */
export function UploadsProvider({
  path,
  login,
  uploads,
  limits,
  children,
}: {
  path: string
  login: string
  uploads: readonly ServerUpload[]
  limits: Limits
  children: ReactNode
}) {
  const router = useRouter()
  const [queue] = useState(() => queueOf(path, login))
  useEffect(() => queue.adopt(uploads, limits), [queue, uploads, limits])
  useEffect(() => {
    let seen = queue.state().completed
    return queue.subscribe(() => {
      const { completed } = queue.state()
      if (completed === seen) return
      seen = completed
      router.refresh()
    })
  }, [queue, router])
  return <Context value={{ queue, limits }}>{children}</Context>
}

export function useUploads(): Uploads & { state: QueueState } {
  const found = useContext(Context)
  if (!found) throw new Error('Upload controls stand inside an UploadsProvider.')
  const state = useSyncExternalStore(found.queue.subscribe, found.queue.state, () => nothing)
  return { ...found, state }
}

const nothing: QueueState = { rows: [], announcement: '', completed: 0 }
