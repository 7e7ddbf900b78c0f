import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { cleanLine, LineSplitter, maxLineBytes, outputPieces } from './log-lines.ts'

function split(...pieces: (string | Uint8Array)[]): string[] {
  const splitter = new LineSplitter()
  const lines = pieces.flatMap((piece) => [...splitter.push(typeof piece === 'string' ? Buffer.from(piece) : piece)])
  return [...lines, ...splitter.end()]
}

describe('LineSplitter', () => {
  it('splits lines wherever the pieces break, also within a character', () => {
    const bytes = Buffer.from('grün\n日本\nlast')
    for (let at = 0; at <= bytes.length; at++) {
      expect(split(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['grün', '日本', 'last'])
    }
  })

  it('keeps empty lines and the last line without a newline', () => {
    expect(split('\n\na')).toEqual(['', '', 'a'])
    expect(split('a\n')).toEqual(['a'])
  })

  it('keeps the last frame of a progress bar, wherever the pieces break', () => {
    const bytes = Buffer.from('10%\r50%\r100%\r\nnext\r\n')
    for (let at = 0; at <= bytes.length; at++) {
      expect(split(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['100%', 'next'])
    }
  })

  it('cuts a line at 16 KiB and goes on with the next', () => {
    const lines = split('x'.repeat(1_000_000), 'y'.repeat(1_000_000), '\nshort\n')
    expect(lines).toHaveLength(2)
    expect(Buffer.byteLength(lines[0]!)).toBeLessThanOrEqual(maxLineBytes)
    expect(lines[0]).toMatch(/ \[cut\]$/)
    expect(lines[1]).toBe('short')
  })

  it('cuts between characters', () => {
    const [line] = split('€'.repeat(10_000))
    expect(line).not.toContain('\ufffd')
    expect(Buffer.byteLength(line!)).toBeLessThanOrEqual(maxLineBytes)
  })

  it('replaces bytes that are not UTF-8', () => {
    expect(split(Uint8Array.of(0x61, 0xff, 0x62, 0x0a))).toEqual(['a\ufffdb'])
  })
})

describe('cleanLine', () => {
  it('keeps colours and drops everything else that a terminal would obey', () => {
    expect(cleanLine('\x1b[1;31mred\x1b[0m')).toBe('\x1b[1;31mred\x1b[0m')
    expect(cleanLine('\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]52;c;aGk=\x07')).toBe('ab')
    expect(cleanLine('\x1b[2Ja\x1b[10;5Hb\x1b[?25l\x1bc\x1b(B')).toBe('ab')
    expect(cleanLine('a\x00b\x07c\x08d\x7fe\x9bf\u202eg\u2066h\u2028i\tj')).toBe('abcdefghi\tj')
    expect(cleanLine('end\x1b')).toBe('end')
    expect(cleanLine('\x1b]0;never ended')).toBe('')
  })

  it('is quick on hostile text', () => {
    const started = performance.now()
    for (const piece of ['\x1b]', '\x1b[', '\x1b[1;', '\x1b', '\x1b[0;0']) cleanLine(piece.repeat(10_000))
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('outputPieces', () => {
  it('takes frames apart, however the bytes arrive', async () => {
    const frame = (kind: number, text: string) => {
      const head = Buffer.alloc(8)
      head[0] = kind
      head.writeUInt32BE(Buffer.byteLength(text), 4)
      return Buffer.concat([head, Buffer.from(text)])
    }
    const bytes = Buffer.concat([frame(1, 'out'), frame(2, 'error'), frame(1, ''), frame(1, 'more')])
    for (let size = 1; size <= bytes.length; size++) {
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      const found = { stdout: '', stderr: '' }
      for await (const piece of outputPieces(Readable.from(chunks))) found[piece.stream] += piece.bytes
      expect(found).toEqual({ stdout: 'outmore', stderr: 'error' })
    }
  })
})
