import { isSamePlace, nameProblem, type Place, type PlaceName } from '#src/features/files/places.ts'
import type { FileHasher } from '#src/features/files/upload/hash-file.ts'
import { again, endOf, reasonOf, SendError, sendFile, type World, watch } from '#src/features/files/upload/send-file.ts'
import {
  announcementOf,
  isOver,
  isUnderWay,
  newRow,
  type Reason,
  reduceUpload,
  rowOfServer,
  type ServerUpload,
  sentBytes,
  type UploadEvent,
  type UploadRow,
} from '#src/features/files/upload/upload-state.ts'
import { formatBytes } from '#src/ui/format.ts'

/** What is known before the first byte. */
export interface Limits {
  places: readonly Place[]
  /** Bytes of the largest file. */
  fileLimit: number
  /** Bytes that the publisher has left. */
  free: number
}

export interface QueueState {
  rows: readonly UploadRow[]
  /** For screen readers. */
  announcement: string
  /** How many uploads ended with a file since the page was opened: the page then asks for its files again. */
  completed: number
}

/** The files of one model that this page sends; lives on while the person looks at other pages of the site. */
export interface UploadQueue {
  state(): QueueState
  subscribe(hear: () => void): () => void
  /** What the server knows, when the page is opened or asked for again. */
  adopt(uploads: readonly ServerUpload[], limits: Limits): void
  add(files: readonly File[], place: PlaceName): void
  pause(key: string): void
  resume(key: string): void
  /** Goes on with an interrupted upload, if the file is the same. */
  continueWith(key: string, file: File): void
  cancel(key: string): void
  /** Takes a row that is over off the list. */
  dismiss(key: string): void
}

/** Content of which so much is still to be sent is looked for in what the person can read already. */
const worthLinking = 64 * 2 ** 20

class Paused extends Error {}

/** What this page holds of a row beside what is shown. */
interface Work {
  file: File
  stop: AbortController
  fingerprint: string
  sha256: Promise<string | undefined>
}

export function openUploadQueue(world: World, hasher: FileHasher, login: string): UploadQueue {
  let state: QueueState = { rows: [], announcement: '', completed: 0 }
  let limits: Limits = { places: [], fileLimit: Number.POSITIVE_INFINITY, free: Number.POSITIVE_INFINITY }
  let keys = 0
  const works = new Map<string, Work>()
  const listeners = new Set<() => void>()

  const set = (change: Partial<QueueState>) => {
    state = { ...state, ...change }
    for (const hear of listeners) hear()
  }
  const find = (key: string) => state.rows.find((row) => row.key === key)
  const tell = (key: string, event: UploadEvent) => {
    const before = find(key)
    if (!before) return
    const after = reduceUpload(before, event)
    if (after === before) return
    set({
      rows: state.rows.map((row) => (row.key === key ? after : row)),
      announcement: announcementOf(before, after) ?? state.announcement,
      completed: state.completed + (after.status === 'complete' && before.status !== 'complete' ? 1 : 0),
    })
  }
  const drop = (key: string) => {
    works.delete(key)
    set({ rows: state.rows.filter((row) => row.key !== key) })
  }

  /** Size, ending and quota, before anything is read or sent. */
  function problemOf(file: File, place: PlaceName): Reason | null {
    const known = limits.places.find((one) => isSamePlace(one, place))
    const ending = known && nameProblem(known, file.name)
    if (ending) return { code: 'files/wrong-extension', sentence: ending }
    if (file.size === 0) return { code: 'files/empty', sentence: 'This file is empty.' }
    if (file.size > limits.fileLimit)
      return {
        code: 'files/too-large',
        sentence: `This file is ${formatBytes(file.size)}; the limit is ${formatBytes(limits.fileLimit)}.`,
      }
    // An upload that is under way has its room already.
    const begun = state.rows.some(
      (row) =>
        row.id !== null && !isOver(row) && isSamePlace(row, place) && row.name === file.name && row.size === file.size,
    )
    if (!begun && file.size > limits.free)
      return {
        code: 'files/quota',
        sentence: `This file is ${formatBytes(file.size)}, and ${formatBytes(limits.free)} are free. Remove files, or cancel uploads.`,
      }
    return null
  }

  async function begin(key: string, file: File, place: PlaceName): Promise<void> {
    const stop = new AbortController()
    const work: Work = { file, stop, fingerprint: '', sha256: Promise.resolve(undefined) }
    works.set(key, work)
    const context = { signal: stop.signal, tell: (event: UploadEvent) => tell(key, event) }
    try {
      work.fingerprint = await hasher.fingerprint(file)
      const wish = wishOf(file, place, work.fingerprint)
      const { upload } = await again(world, context, () => world.api.begin(wish))
      if (!upload) return
      // Cancelled while the server began it.
      if (stop.signal.aborted) return void (await world.api.cancel(upload.id).catch(() => undefined))
      // Computed while it is sent. The server finds out by itself; a second opinion tells a change on the way.
      work.sha256 = hasher.sha256(file).catch(() => undefined)
      takeOver(key, upload.id)
      tell(key, { type: 'begun', upload })
      void linkIfKnown(key, place, work)
      await sendFile(world, { file, upload, sha256: work.sha256, ...context })
    } catch (error) {
      if (!stop.signal.aborted) tell(key, { type: 'failed', reason: reasonOf(error) })
    }
  }

  /** The row that the server told of, or an earlier one of the same file, makes room for the one that sends. */
  function takeOver(key: string, id: string): void {
    for (const row of state.rows) {
      if (row.id !== id || row.key === key) continue
      works.get(row.key)?.stop.abort(new Paused())
      drop(row.key)
    }
  }

  /** Once the hash is known: content that is stored where this person may read it need not be sent to its end. */
  async function linkIfKnown(key: string, place: PlaceName, work: Work): Promise<void> {
    const sha256 = await work.sha256
    const row = find(key)
    if (!sha256 || !row || !isUnderWay(row) || row.size - sentBytes(row) < worthLinking) return
    const wish = { ...wishOf(work.file, place, work.fingerprint), sha256 }
    const known = await world.api.begin(wish).catch(() => null)
    if (!known?.file || isOver(find(key) ?? row)) return
    tell(key, { type: 'complete', sha256: known.file.sha256, linked: true })
    work.stop.abort(new Paused())
  }

  async function goOn(key: string, id: string, work: Work): Promise<void> {
    work.stop = new AbortController()
    const context = { signal: work.stop.signal, tell: (event: UploadEvent) => tell(key, event) }
    try {
      const upload = await again(world, context, () => world.api.look(id))
      if (upload.status === 'uploading') tell(key, { type: 'begun', upload })
      await sendFile(world, { file: work.file, upload, sha256: work.sha256, ...context })
    } catch (error) {
      if (!work.stop.signal.aborted) tell(key, { type: 'failed', reason: reasonOf(error) })
    }
  }

  async function follow(key: string, id: string): Promise<void> {
    const context = { signal: new AbortController().signal, tell: (event: UploadEvent) => tell(key, event) }
    try {
      const upload = await watch(world, context, await again(world, context, () => world.api.look(id)))
      if (upload.status !== 'uploading') tell(key, endOf(upload))
    } catch (error) {
      tell(key, { type: 'failed', reason: reasonOf(error) })
    }
  }

  return {
    state: () => state,
    subscribe(hear) {
      listeners.add(hear)
      return () => listeners.delete(hear)
    },
    adopt(uploads, now) {
      limits = now
      const own = state.rows.filter((row) => works.has(row.key) || isOver(row))
      const known = new Set(own.map((row) => row.id))
      const watched = new Map(state.rows.map((row) => [row.key, row]))
      const others = uploads.flatMap((upload) => {
        if (known.has(upload.id)) return []
        const row = rowOfServer(upload, login)
        // Those that failed in another visit are history.
        return row && row.status !== 'failed' ? [row] : []
      })
      set({ rows: [...own, ...others] })
      for (const row of others)
        if (row.status === 'verifying' && watched.get(row.key)?.status !== 'verifying') void follow(row.key, row.key)
    },
    add(files, place) {
      for (const file of files) {
        const key = `new-${++keys}`
        set({ rows: [newRow(key, { name: file.name, size: file.size, ...place }), ...state.rows] })
        const reason = problemOf(file, place)
        if (reason) tell(key, { type: 'failed', reason })
        else void begin(key, file, place)
      }
    },
    pause(key) {
      tell(key, { type: 'paused' })
      works.get(key)?.stop.abort(new Paused())
    },
    resume(key) {
      const row = find(key)
      const work = works.get(key)
      if (row?.status !== 'paused' || !work || !row.id) return
      tell(key, { type: 'resumed' })
      void goOn(key, row.id, work)
    },
    continueWith(key, file) {
      const row = find(key)
      if (!row?.same) return
      const { lastModified, fingerprint } = row.same
      const sameOutside = row.name === file.name && row.size === file.size && lastModified === lastModifiedOf(file)
      const same = sameOutside
        ? hasher.fingerprint(file).then((found) => found === fingerprint)
        : Promise.resolve(false)
      same.then(
        (is) => {
          // The server finds its upload again, and this row makes room for the one that sends.
          if (is) this.add([file], { option: row.option, choice: row.choice })
          else tell(key, { type: 'other file', reason: otherFile(row) })
        },
        (error: unknown) => tell(key, { type: 'other file', reason: reasonOf(error) }),
      )
    },
    cancel(key) {
      const row = find(key)
      if (!row) return
      tell(key, { type: 'cancelled' })
      works.get(key)?.stop.abort(new Paused())
      works.delete(key)
      if (row.id)
        world.api.cancel(row.id).catch((error: unknown) => {
          // It ends by itself in seven days; until then it takes its room in the quota.
          if (error instanceof SendError)
            set({ announcement: `${row.name} could not be cancelled. ${error.reason.sentence}` })
        })
    },
    dismiss: drop,
  }
}

function wishOf(file: File, { option, choice }: PlaceName, fingerprint: string) {
  return { name: file.name, size: file.size, lastModified: lastModifiedOf(file), option, choice, fingerprint }
}

const lastModifiedOf = (file: File) => Math.max(0, Math.floor(file.lastModified))

const otherFile = (row: UploadRow): Reason => ({
  code: 'files/other-file',
  sentence: `This is not the same file. Choose the ${row.name} with ${formatBytes(row.size)} that was being sent, unchanged.`,
})
