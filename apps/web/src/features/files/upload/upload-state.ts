import type { PlaceName } from '#src/features/files/places.ts'

// What a row of the list of uploads shows, and how it changes. Pure: the queue feeds it with what happens.

export const uploadStatuses = [
  'validating', // it is read and the server is asked
  'uploading',
  'paused', // by the person
  'reconnecting', // a part did not get through and is sent again
  'interrupted', // the page was closed meanwhile: the file has to be chosen again
  'elsewhere', // somebody else's, or another tab's
  'verifying', // all is there, and the server hashes it
  'complete',
  'failed',
  'cancelled',
] as const
export type UploadStatus = (typeof uploadStatuses)[number]

export interface Reason {
  code: string
  sentence: string
}

export interface UploadRow extends PlaceName {
  key: string
  /** The server's session; null until it was begun. */
  id: string | null
  name: string
  size: number
  startedBy: string | null
  status: UploadStatus
  /** Bytes of parts that have arrived. */
  arrived: number
  /** Bytes of parts on their way, by part. */
  onTheirWay: Readonly<Record<number, number>>
  /** Bytes that the server has hashed. */
  verified: number
  /** Bytes a second of late; null until it can be said. */
  speed: number | null
  measured: { at: number; bytes: number } | null
  reason: Reason | null
  sha256: string | null
  /** The content was stored already, and nothing had to be sent. */
  linked: boolean
  /** When the server forgets what has arrived, in milliseconds since 1970. */
  expiresAt: number | null
  /** What tells whether a file that is chosen is the one of an interrupted upload. */
  same: { lastModified: number; fingerprint: string } | null
}

/** What the server says of an upload. */
export interface ServerUpload extends PlaceName {
  id: string
  status: 'uploading' | 'verifying' | 'complete' | 'failed' | 'cancelled' | 'expired'
  name: string
  size: number
  startedBy: string
  partSize: number
  missing?: number[]
  lastModified: number
  fingerprint: string
  arrived: number
  verified: number
  failure: Reason | null
  file: { sha256: string } | null
  expiresAt: string
}

export type UploadEvent =
  | { type: 'begun'; upload: ServerUpload }
  | { type: 'moved'; part: number; bytes: number; at: number }
  | { type: 'arrived'; part: number; bytes: number; at: number }
  | { type: 'lost' }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'other file'; reason: Reason }
  | { type: 'verifying'; verified: number }
  | { type: 'complete'; sha256: string; linked: boolean }
  | { type: 'failed'; reason: Reason }
  | { type: 'cancelled' }

export function newRow(key: string, file: { name: string; size: number } & PlaceName): UploadRow {
  return {
    key,
    id: null,
    name: file.name,
    size: file.size,
    option: file.option,
    choice: file.choice,
    startedBy: null,
    status: 'validating',
    arrived: 0,
    onTheirWay: {},
    verified: 0,
    speed: null,
    measured: null,
    reason: null,
    sha256: null,
    linked: false,
    expiresAt: null,
    same: null,
  }
}

/** A row for an upload that this page did not begin; null for one that ended long enough ago to be of no interest. */
export function rowOfServer(upload: ServerUpload, login: string): UploadRow | null {
  if (upload.status === 'cancelled' || upload.status === 'complete') return null
  const row = {
    ...newRow(upload.id, upload),
    id: upload.id,
    startedBy: upload.startedBy,
    arrived: upload.arrived,
    verified: upload.verified,
    expiresAt: Date.parse(upload.expiresAt),
    same: { lastModified: upload.lastModified, fingerprint: upload.fingerprint },
  }
  if (upload.status === 'uploading') return { ...row, status: upload.startedBy === login ? 'interrupted' : 'elsewhere' }
  if (upload.status === 'verifying') return { ...row, status: 'verifying' }
  return { ...row, status: 'failed', reason: upload.failure ?? expired }
}

const expired: Reason = {
  code: 'files/expired',
  sentence: 'No part came for seven days, so the upload ended. Choose the file to begin again.',
}

/** A row after something happened to it. What comes late, after its end or a pause, changes nothing. */
export function reduceUpload(row: UploadRow, event: UploadEvent): UploadRow {
  if (isOver(row)) return row
  switch (event.type) {
    case 'begun':
      return {
        ...row,
        id: event.upload.id,
        startedBy: event.upload.startedBy,
        status: 'uploading',
        arrived: event.upload.arrived,
        onTheirWay: {},
        expiresAt: Date.parse(event.upload.expiresAt),
      }
    case 'moved':
      if (row.status === 'paused') return row
      return measured(
        back(row, { onTheirWay: { ...row.onTheirWay, [event.part]: event.bytes } }, event.bytes > 0),
        event.at,
      )
    case 'arrived': {
      if (row.status === 'paused') return row
      const { [event.part]: _gone, ...others } = row.onTheirWay
      return measured(
        back(row, { arrived: Math.min(row.size, row.arrived + event.bytes), onTheirWay: others }, true),
        event.at,
      )
    }
    case 'lost':
      return row.status === 'uploading' ? { ...row, status: 'reconnecting', speed: null, measured: null } : row
    case 'paused':
      return row.status === 'uploading' || row.status === 'reconnecting'
        ? { ...row, status: 'paused', onTheirWay: {}, speed: null, measured: null }
        : row
    case 'resumed':
      return row.status === 'paused' ? { ...row, status: 'validating' } : row
    case 'other file':
      return row.status === 'interrupted' ? { ...row, reason: event.reason } : row
    case 'verifying':
      return { ...row, status: 'verifying', arrived: row.size, onTheirWay: {}, verified: event.verified }
    case 'complete':
      return {
        ...row,
        status: 'complete',
        arrived: row.size,
        onTheirWay: {},
        sha256: event.sha256,
        linked: event.linked,
      }
    case 'failed':
      return { ...row, status: 'failed', onTheirWay: {}, reason: event.reason }
    case 'cancelled':
      return { ...row, status: 'cancelled', onTheirWay: {} }
  }
}

/** Bytes that get through end a reconnection. */
function back(row: UploadRow, change: Partial<UploadRow>, gotThrough: boolean): UploadRow {
  return { ...row, ...change, status: gotThrough && row.status === 'reconnecting' ? 'uploading' : row.status }
}

/** The speed of the last seconds, evened out. */
function measured(row: UploadRow, at: number): UploadRow {
  const bytes = sentBytes(row)
  if (!row.measured) return { ...row, measured: { at, bytes } }
  const seconds = (at - row.measured.at) / 1000
  if (seconds < 1) return row
  const now = Math.max(0, bytes - row.measured.bytes) / seconds
  return { ...row, speed: row.speed === null ? now : 0.6 * row.speed + 0.4 * now, measured: { at, bytes } }
}

export const isOver = ({ status }: UploadRow) => status === 'complete' || status === 'failed' || status === 'cancelled'
/** Closing the page would interrupt it. */
export const isUnderWay = ({ status }: UploadRow) =>
  status === 'validating' || status === 'uploading' || status === 'reconnecting'

export function sentBytes(row: UploadRow): number {
  const moving = Object.values(row.onTheirWay).reduce((sum, bytes) => sum + bytes, 0)
  return Math.min(row.size, row.arrived + moving)
}

/** From 0 to 1: of the sending, and then of the verifying. */
export function progressOf(row: UploadRow): number {
  const done = row.status === 'verifying' ? row.verified : sentBytes(row)
  return row.size === 0 ? 1 : done / row.size
}

export function secondsLeft(row: UploadRow): number | null {
  return row.speed && row.status === 'uploading' ? Math.ceil((row.size - sentBytes(row)) / row.speed) : null
}

/** The uploads that are sent now, as one: for the bar above the list. Null when there is at most one. */
export function together(rows: readonly UploadRow[]): { count: number; sent: number; size: number } | null {
  const moving = rows.filter(isUnderWay)
  if (moving.length < 2) return null
  const sum = (of: (row: UploadRow) => number) => moving.reduce((total, row) => total + of(row), 0)
  return { count: moving.length, sent: sum(sentBytes), size: sum((row) => row.size) }
}

/** What a screen reader says of a change: start, pause, end and failure, and nothing of what lies between. */
export function announcementOf(before: UploadRow | null, after: UploadRow): string | null {
  if (before?.status === after.status) return null
  switch (after.status) {
    case 'uploading':
      return before?.status === 'validating' || before === null ? `Uploading ${after.name}.` : null
    case 'paused':
      return `${after.name} is paused.`
    case 'complete':
      return after.linked
        ? `${after.name} was stored already and is linked.`
        : `${after.name} is uploaded and verified.`
    case 'failed':
      return `${after.name} failed. ${after.reason?.sentence ?? ''}`.trim()
    case 'cancelled':
      return `${after.name} is cancelled.`
    default:
      return null
  }
}
