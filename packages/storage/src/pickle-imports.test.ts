import { execFileSync } from 'node:child_process'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { listPickleImports, memory } from './pickle-imports.ts'

const scan = (data: Buffer, limits = {}) => listPickleImports(memory(data), limits)
const latin1 = (text: string) => Buffer.from(text, 'latin1')

/** What a line of Python prints as bytes. */
function python(expression: string): Buffer {
  const code = `import sys, pickle, collections, os, io, zipfile, fractions, datetime\nsys.stdout.buffer.write(${expression})`
  return execFileSync('python3', ['-c', code], { maxBuffer: 64 * 1024 * 1024 })
}

/** A zip with one entry, written by hand so that both methods are there. */
function zip(name: string, content: Buffer, deflated: boolean): Buffer {
  const data = deflated ? deflateRawSync(content) : content
  const header = (signature: string, fields: [number, 2 | 4][]) => {
    const parts = fields.map(([value, bytes]) => {
      const part = Buffer.alloc(bytes)
      part.writeUIntLE(value, 0, bytes)
      return part
    })
    return Buffer.concat([latin1(signature), ...parts])
  }
  const common: [number, 2 | 4][] = [
    [0, 2],
    [deflated ? 8 : 0, 2],
    [0, 4],
    [0, 4],
    [data.length, 4],
    [content.length, 4],
    [name.length, 2],
    [0, 2],
  ]
  const local = Buffer.concat([header('PK\x03\x04', [[20, 2], ...common]), latin1(name), data])
  const central = Buffer.concat([
    header('PK\x01\x02', [[20, 2], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [0, 4]]),
    latin1(name),
  ])
  const end = header('PK\x05\x06', [
    [0, 2],
    [0, 2],
    [1, 2],
    [1, 2],
    [central.length, 4],
    [local.length, 4],
    [0, 2],
  ])
  return Buffer.concat([local, central, end])
}

describe('pickles that Python writes', () => {
  it.each([0, 1, 2, 3, 4, 5])('in protocol %i name what they import', async (protocol) => {
    const value = `[collections.OrderedDict(a=1), fractions.Fraction(1, 3), datetime.date(2026, 1, 1), {1, 2}, b'x' * 300, 'y' * 300, (1, 2.5, None, True, 1 << 200), {'k': [1]}, frozenset([1])]`
    const report = await scan(python(`pickle.dumps(${value}, protocol=${protocol})`))
    expect(report.format).toBe('pickle')
    expect(report.complete).toBe(true)
    expect(report.imports).toEqual(
      expect.arrayContaining(['collections.OrderedDict', 'datetime.date', 'fractions.Fraction']),
    )
  })

  it('show the call that they hide', async () => {
    const source = `type('E', (), {'__reduce__': lambda self: (os.system, ('true',))})()`
    for (const protocol of [0, 2, 4]) {
      const { imports } = await scan(python(`pickle.dumps(${source}, protocol=${protocol})`))
      expect(imports).toEqual(['posix.system'])
    }
  })

  it('that follow each other are all read, and raw numbers after them are not', async () => {
    const data = python(
      `pickle.dumps(collections.deque(), 2) + pickle.dumps(datetime.date(1, 1, 1), 2) + bytes(100000)`,
    )
    expect(await scan(data)).toMatchObject({
      complete: true,
      imports: expect.arrayContaining(['collections.deque', 'datetime.date']),
    })
  })

  it('with long values are stepped over, not read', async () => {
    const data = python(`pickle.dumps([b'z' * 5000000, collections.deque()], 4)`)
    let read = 0
    const counting = {
      size: data.length,
      read: async (start: number, length: number) => {
        read += length
        return data.subarray(start, start + length)
      },
    }
    expect(await listPickleImports(counting)).toMatchObject({ complete: true, imports: ['collections.deque'] })
    expect(read).toBeLessThan(300_000)
  })
})

describe('torch files', () => {
  const pickle = latin1('\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00.')

  it.each([false, true])('are zips with a data.pkl (deflated: %s)', async (deflated) => {
    const report = await scan(zip('archive/data.pkl', pickle, deflated))
    expect(report).toEqual({ format: 'torch-zip', imports: ['torch._utils._rebuild_tensor_v2'], complete: true })
  })

  it('as Python writes zips, 64-bit ones with them', async () => {
    const write = `(lambda b: [(z := zipfile.ZipFile(b, 'w')), z.open('m/data.pkl', 'w', force_zip64=True).__class__, z.writestr('m/data/0', bytes(1000)), z.writestr('n/data.pkl', pickle.dumps(collections.deque())), z.close(), b.getvalue()][-1])(io.BytesIO())`
    expect((await scan(python(write))).imports).toContain('collections.deque')
  })

  it('without one are something else', async () => {
    expect(await scan(zip('readme.txt', pickle, false))).toEqual({ format: 'other', imports: [], complete: true })
  })
})

describe('files made to deceive', () => {
  it('that compute a name are shown as such', async () => {
    // The module's name comes out of a call.
    const data = latin1('\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94)R\x8c\x04name\x93.')
    expect((await scan(data)).imports).toEqual(['?.name', 'os.system'])
  })

  it('that take names from the memo, or by DUP, are seen through', async () => {
    const memo = latin1('\x80\x04\x8c\x02os\x94\x8c\x06system\x940' + '0h\x00h\x01\x93.')
    expect((await scan(memo)).imports).toEqual(['os.system'])
    expect((await scan(latin1('\x80\x04\x8c\x02os2\x93.'))).imports).toEqual(['os.os'])
  })

  it('that use INST, EXT or names with control characters are listed', async () => {
    const { imports } = await scan(latin1('\x80\x02(ios\nsystem\n\x82\x07cbad\x07\nname\n.'))
    expect(imports).toEqual(['bad\u{fffd}.name', 'copyreg.extension 7', 'os.system'])
  })

  it('that end early, lie about a length, or never end are not called complete', async () => {
    const lies = [
      '\x80\x02cos\nsystem\n',
      '\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f',
      '\x80\x02cos\nsystem\n\xff',
      '\x80\x02cos\nsystem\nt.',
    ]
    for (const text of lies) expect((await scan(latin1(text))).complete).toBe(false)
    const long = Buffer.concat([latin1('\x80\x02'), Buffer.alloc(3000, 'N'), latin1('.')])
    expect((await scan(long, { opcodes: 1000 })).complete).toBe(false)
    expect((await scan(long, { bytes: 1000 })).complete).toBe(false)
    const many = latin1(`\x80\x02${Array.from({ length: 50 }, (_, i) => `cm\nn${i}\n`).join('')}.`)
    expect(await scan(many, { imports: 10 })).toMatchObject({ complete: false })
  })

  it('or broken zips end no process', async () => {
    const good = zip('a/data.pkl', latin1('\x80\x02cos\nsystem\n.'), true)
    for (let cut = 0; cut < good.length; cut++) await scan(good.subarray(0, cut))
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at]! ^= 0xff
      await scan(bad)
    }
  })

  it('any bytes at all end no process', async () => {
    let seed = 1
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.alloc(200)
      for (let i = 0; i < bytes.length; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648
        bytes[i] = seed >> 8
      }
      bytes[0] = 0x80
      bytes[1] = 4
      await scan(bytes)
    }
  })
})

it('files of other kinds are neither', async () => {
  for (const text of ['', 'x', '{"a": 1}', '\x89HDF\r\n\x1a\n', 'GGUF', 'Name,Value\n', 'import os\n']) {
    expect((await scan(latin1(text))).format).toBe('other')
  }
})
