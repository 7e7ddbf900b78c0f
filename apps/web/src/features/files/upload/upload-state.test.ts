import { describe, expect, it } from 'vitest'
import {
  announcementOf,
  newRow,
  progressOf,
  reduceUpload,
  rowOfServer,
  type ServerUpload,
  secondsLeft,
  sentBytes,
  together,
  type UploadEvent,
  type UploadRow,
} from '#src/features/files/upload/upload-state.ts'

const night = { option: 'style', choice: 'night' }
const server = (more: Partial<ServerUpload> = {}): ServerUpload => ({
  id: 'u1',
  status: 'uploading',
  name: 'night.pth',
  size: 100,
  ...night,
  startedBy: 'alice',
  partSize: 25,
  missing: [1, 2, 3, 4],
  lastModified: 1,
  fingerprint: 'f',
  arrived: 0,
  verified: 0,
  failure: null,
  file: null,
  expiresAt: '2026-11-27T00:00:00.000Z',
  ...more,
})
const after = (events: UploadEvent[], row: UploadRow = newRow('k', { name: 'night.pth', size: 100, ...night })) =>
  events.reduce(reduceUpload, row)
const begun: UploadEvent = { type: 'begun', upload: server() }

describe('a row of the list of uploads', () => {
  it('goes from getting ready to verified', () => {
    expect(after([]).status).toBe('validating')
    expect(after([begun])).toMatchObject({ status: 'uploading', id: 'u1', arrived: 0 })
    const half = after([
      begun,
      { type: 'moved', part: 1, bytes: 10, at: 0 },
      { type: 'moved', part: 2, bytes: 15, at: 100 },
      { type: 'arrived', part: 1, bytes: 25, at: 200 },
    ])
    expect(sentBytes(half)).toBe(40)
    expect(progressOf(half)).toBe(0.4)
    const verifying = after([{ type: 'verifying', verified: 30 }], half)
    expect(verifying).toMatchObject({ status: 'verifying', arrived: 100, onTheirWay: {} })
    expect(progressOf(verifying)).toBe(0.3)
    expect(after([{ type: 'complete', sha256: 'abc', linked: false }], verifying)).toMatchObject({
      status: 'complete',
      sha256: 'abc',
    })
  })

  it('says its speed and the time left after a second, and forgets both when the link is lost', () => {
    const moving = after([
      begun,
      { type: 'moved', part: 1, bytes: 0, at: 0 },
      { type: 'moved', part: 1, bytes: 20, at: 2000 },
    ])
    expect(moving.speed).toBe(10)
    expect(secondsLeft(moving)).toBe(8)
    const lost = after([{ type: 'lost' }], moving)
    expect(lost).toMatchObject({ status: 'reconnecting', speed: null })
    // The part begins anew: that is no byte that got through.
    expect(after([{ type: 'moved', part: 1, bytes: 0, at: 3000 }], lost).status).toBe('reconnecting')
    expect(after([{ type: 'moved', part: 1, bytes: 5, at: 4000 }], lost).status).toBe('uploading')
  })

  it('is paused until it is resumed, whatever comes late', () => {
    const paused = after([begun, { type: 'moved', part: 1, bytes: 10, at: 0 }, { type: 'paused' }])
    expect(paused).toMatchObject({ status: 'paused', onTheirWay: {} })
    expect(after([{ type: 'moved', part: 1, bytes: 20, at: 10 }, { type: 'lost' }], paused)).toEqual(paused)
    expect(after([{ type: 'resumed' }], paused).status).toBe('validating')
  })

  it('changes no more after its end', () => {
    const reason = { code: 'files/quota', sentence: 'No room.' }
    for (const end of [
      { type: 'failed', reason },
      { type: 'cancelled' },
      { type: 'complete', sha256: 'x', linked: true },
    ] as UploadEvent[]) {
      const over = after([begun, end])
      expect(after([begun, { type: 'lost' }, { type: 'verifying', verified: 1 }, { type: 'paused' }], over)).toBe(over)
    }
  })

  it('of another visit is interrupted, of another person elsewhere, and what ended is not shown', () => {
    expect(rowOfServer(server({ arrived: 61 }), 'alice')).toMatchObject({ status: 'interrupted', arrived: 61 })
    expect(rowOfServer(server(), 'bob')?.status).toBe('elsewhere')
    expect(rowOfServer(server({ status: 'verifying', verified: 5 }), 'alice')).toMatchObject({ status: 'verifying' })
    expect(rowOfServer(server({ status: 'complete' }), 'alice')).toBeNull()
    expect(rowOfServer(server({ status: 'expired' }), 'alice')?.reason?.sentence).toMatch(/seven days/)
    const other = after(
      [{ type: 'other file', reason: { code: 'x', sentence: 'Another.' } }],
      rowOfServer(server(), 'alice')!,
    )
    expect(other).toMatchObject({ status: 'interrupted', reason: { sentence: 'Another.' } })
  })

  it('is announced at its start, pause, end and failure only', () => {
    const steps: UploadEvent[] = [
      begun,
      { type: 'moved', part: 1, bytes: 10, at: 0 },
      { type: 'lost' },
      { type: 'moved', part: 1, bytes: 12, at: 9 },
      { type: 'paused' },
      { type: 'resumed' },
      begun,
      { type: 'verifying', verified: 3 },
      { type: 'complete', sha256: 'x', linked: false },
    ]
    let row = after([])
    const said = steps.flatMap((event) => {
      const next = reduceUpload(row, event)
      const words = announcementOf(row, next)
      row = next
      return words ?? []
    })
    expect(said).toEqual([
      'Uploading night.pth.',
      'night.pth is paused.',
      'Uploading night.pth.',
      'night.pth is uploaded and verified.',
    ])
  })

  it('has a bar with others once there are two', () => {
    const row = after([begun, { type: 'arrived', part: 1, bytes: 25, at: 0 }])
    expect(together([row])).toBeNull()
    expect(together([row, { ...row, key: 'b' }, { ...row, key: 'c', status: 'paused' }])).toEqual({
      count: 2,
      sent: 50,
      size: 200,
    })
  })
})
