import { expect, it } from 'vitest'
import { decodeStatus, vertexMs } from './buildkit-status.ts'

// Messages of engine 20.10.24.
const begun =
  'Cn0KR3NoYTI1NjoxZjEwMWYzMGFjNzk5NGI5MzYzZGJkYmU0ZDlkNWQwNGE4MDI3YjE0ZjYzNjNmYjA4YTVmZTU4MGRmNGE0MzhlGiRbaW50ZXJuYWxdIGxvYWQgcmVtb3RlIGJ1aWxkIGNvbnRleHQqDAiE3YHYBhCP+o3UAw=='
const ended =
  'CooBCkdzaGEyNTY6MWYxMDFmMzBhYzc5OTRiOTM2M2RiZGJlNGQ5ZDVkMDRhODAyN2IxNGY2MzYzZmIwOGE1ZmU1ODBkZjRhNDM4ZRokW2ludGVybmFsXSBsb2FkIHJlbW90ZSBidWlsZCBjb250ZXh0KgwIhN2B2AYQj/qN1AMyCwiF3YHYBhCknv4N'

it("reads BuildKit's messages", () => {
  const [vertex] = decodeStatus(begun).vertexes
  expect(vertex).toMatchObject({ name: '[internal] load remote build context', cached: false, error: '' })
  expect(vertex?.started?.seconds).toBe(1795190404)
  expect(vertex?.completed).toBeFalsy()
  expect(vertexMs(vertex!)).toBe(0)
  expect(vertexMs(decodeStatus(ended).vertexes[0]!)).toBeGreaterThan(0)
  expect(decodeStatus('')).toEqual({ vertexes: [], logs: [] })
})
