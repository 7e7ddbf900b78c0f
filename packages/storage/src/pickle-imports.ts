import { inflateRawSync } from 'node:zlib'

// Loading a pickle runs what it imports. This lists those imports by walking over the opcodes, as Python's
// Lib/pickletools.py describes them, and runs nothing. It is a help for the reader of a page, not a guard: a list without
// surprises does not make a file safe to load.

/** Bytes that can be read from any place: a file, or an object in the store. */
export interface RandomAccess {
  /** In bytes. */
  size: number
  /** The bytes from `start` on, at most `length`; fewer only at the end. */
  read(start: number, length: number): Promise<Uint8Array>
}

export interface PickleReport {
  /** `torch-zip` is a zip file with a `data.pkl` in it, as `torch.save` writes since 1.6. */
  format: 'pickle' | 'torch-zip' | 'other'
  /** Sorted, as `module.name`; what is computed only while loading is `?`. */
  imports: string[]
  /** Whether all of it was read; if not, it may import more than this. */
  complete: boolean
}

/** What a scan may cost. */
export interface PickleLimits {
  opcodes: number
  /** Bytes read from the source; long strings and arrays are stepped over. */
  bytes: number
  imports: number
}

const defaultLimits: PickleLimits = { opcodes: 5_000_000, bytes: 64 * 1024 * 1024, imports: 1000 }
const maxZipDirectory = 8 * 1024 * 1024
const maxZipPickle = 64 * 1024 * 1024
const maxLine = 64 * 1024
const maxString = 4 * 1024
/** Old `torch.save` files are some pickles one after another, and then raw numbers. */
const maxPickles = 16

/** Lists what loading a file would import, without loading it. */
export async function listPickleImports(
  source: RandomAccess,
  limits: Partial<PickleLimits> = {},
): Promise<PickleReport> {
  const bounds = { ...defaultLimits, ...limits }
  const start = Buffer.from(await source.read(0, 4))
  if (start.equals(Buffer.from('PK\x03\x04', 'latin1'))) return scanZip(source, bounds)
  const scan = new Scan(new Window(source, bounds.bytes), bounds)
  const first = start[0]
  // PROTO is how every pickle since protocol 2 begins; before that only these, and only a full walk tells.
  const looksBinary = first === 0x80 && start[1]! <= 5
  if (!looksBinary && !(first !== undefined && '(cd]}IKlpN]V'.includes(String.fromCharCode(first)))) return other
  const ended = await scan.pickles()
  if (!looksBinary && (ended !== 'whole' || scan.imports.size === 0)) return other
  return { format: 'pickle', imports: [...scan.imports].sort(), complete: ended === 'whole' }
}

const other: PickleReport = { format: 'other', imports: [], complete: true }

async function scanZip(source: RandomAccess, bounds: PickleLimits): Promise<PickleReport> {
  const entries = await readZipDirectory(source)
  if (!entries) return { format: 'other', imports: [], complete: false }
  const pickles = entries.filter(({ name }) => /(^|\/)[^/]*\.pkl$/.test(name))
  if (pickles.length === 0) return other
  const imports = new Set<string>()
  let complete = pickles.length <= maxPickles
  for (const entry of pickles.slice(0, maxPickles)) {
    const data = await readZipEntry(source, entry)
    const scan = new Scan(new Window(memory(data ?? Buffer.alloc(0)), bounds.bytes), bounds)
    const ended = data ? await scan.pickles() : 'cut'
    for (const name of scan.imports) imports.add(name)
    if (ended !== 'whole') complete = false
  }
  return { format: 'torch-zip', imports: [...imports].sort(), complete }
}

interface ZipEntry {
  name: string
  method: number
  compressed: number
  size: number
  /** Where its local header begins. */
  offset: number
}

/** Reads a zip's central directory (PKWARE APPNOTE 4.3), 64-bit forms included; null when it is not one that we can read. */
async function readZipDirectory(source: RandomAccess): Promise<ZipEntry[] | null> {
  const tailLength = Math.min(source.size, 65_557)
  const tailStart = source.size - tailLength
  const tail = Buffer.from(await source.read(tailStart, tailLength))
  const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (end < 0 || end + 22 > tail.length) return null
  let length = tail.readUInt32LE(end + 12)
  let offset = tail.readUInt32LE(end + 16)
  if (end >= 20 && tail.toString('latin1', end - 20, end - 16) === 'PK\x06\x07') {
    const record = Buffer.from(await source.read(Number(tail.readBigUInt64LE(end - 12)), 56))
    if (record.length < 56 || record.toString('latin1', 0, 4) !== 'PK\x06\x06') return null
    length = Number(record.readBigUInt64LE(40))
    offset = Number(record.readBigUInt64LE(48))
  }
  if (length > maxZipDirectory || offset + length > source.size) return null
  const directory = Buffer.from(await source.read(offset, length))
  const entries: ZipEntry[] = []
  for (let at = 0; at + 46 <= directory.length; ) {
    if (directory.toString('latin1', at, at + 4) !== 'PK\x01\x02') return null
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      directory.readUInt16LE(at + field),
    ) as [number, number, number]
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength)
    const entry: ZipEntry = {
      name,
      method: directory.readUInt16LE(at + 10),
      compressed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    }
    readZip64(entry, directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength))
    entries.push(entry)
    at += 46 + nameLength + extraLength + commentLength
  }
  return entries
}

/** Sizes of 4 GiB and more stand in an extra field, in this order, each only if its short form is all ones. */
function readZip64(entry: ZipEntry, extra: Buffer): void {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let field = at + 4
    for (const name of ['size', 'compressed', 'offset'] as const) {
      if (entry[name] !== 0xffffffff || field + 8 > extra.length) continue
      entry[name] = Number(extra.readBigUInt64LE(field))
      field += 8
    }
  }
}

async function readZipEntry(source: RandomAccess, entry: ZipEntry): Promise<Buffer | null> {
  if (entry.size > maxZipPickle || entry.compressed > maxZipPickle) return null
  const header = Buffer.from(await source.read(entry.offset, 30))
  if (header.length < 30 || header.toString('latin1', 0, 4) !== 'PK\x03\x04') return null
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  const data = Buffer.from(await source.read(start, entry.compressed))
  if (data.length !== entry.compressed) return null
  if (entry.method === 0) return data
  if (entry.method !== 8) return null
  try {
    return inflateRawSync(data, { maxOutputLength: maxZipPickle })
  } catch {
    return null
  }
}

/** The same interface over bytes in memory. */
export function memory(data: Uint8Array): RandomAccess {
  return { size: data.length, read: async (start, length) => data.subarray(start, start + length) }
}

class Cut extends Error {}

/** Reads on through a source, a window at a time, and counts what it fetched. */
class Window {
  at = 0
  readonly size: number
  #source: RandomAccess
  #left: number
  #start = 0
  #data = Buffer.alloc(0)

  constructor(source: RandomAccess, maxBytes: number) {
    this.#source = source
    this.#left = maxBytes
    this.size = source.size
  }

  /** The next bytes, all of them, or a `Cut`. Waits only at the end of a window. */
  take(length: number): Buffer | Promise<Buffer> {
    const from = this.at - this.#start
    if (from >= 0 && from + length <= this.#data.length) {
      this.at += length
      return this.#data.subarray(from, from + length)
    }
    return this.#fetch(length)
  }

  async #fetch(length: number): Promise<Buffer> {
    const wanted = Math.min(Math.max(length, 64 * 1024), this.size - this.at, this.#left)
    if (wanted < length) throw new Cut('The pickle ends, or is longer than may be read.')
    this.#data = Buffer.from(await this.#source.read(this.at, wanted))
    this.#start = this.at
    this.#left -= this.#data.length
    if (this.#data.length < length) throw new Cut('The source ends early.')
    this.at += length
    return this.#data.subarray(0, length)
  }

  async line(): Promise<string> {
    let line = ''
    for (;;) {
      const byte = (await this.take(1))[0]!
      if (byte === 0x0a) return line
      if (line.length >= maxLine) throw new Cut('A line is too long.')
      line += String.fromCharCode(byte)
    }
  }

  skip(length: number): void {
    if (!(length >= 0) || this.at + length > this.size) throw new Cut('A value is longer than the file.')
    this.at += length
  }
}

/** What stands on the stack: a text, the MARK, or anything else. */
type Value = string | typeof mark | null
const mark = Symbol('MARK')

/** How an opcode's argument is written: bytes, a line, or a length of so many bytes before the value. */
type Argument = number | 'line' | 'two-lines' | { length: 1 | 4 | 8; text?: boolean }

/** What an opcode does to the stack: how many values it takes, or all from the MARK on, and how many it leaves. */
interface Opcode {
  argument?: Argument
  pops?: number | 'mark' | 'value-and-mark'
  pushes?: number
  /** What the others cannot say. */
  does?:
    | 'global'
    | 'stack-global'
    | 'extension'
    | 'instance'
    | 'object'
    | 'text'
    | 'put'
    | 'put-next'
    | 'get'
    | 'mark'
    | 'dup'
    | 'stop'
}

const counted = (length: 1 | 4 | 8, text = false): Argument => ({ length, text })

// Lib/pickletools.py of CPython, all opcodes of protocols 0 to 5.
const opcodes: Record<string, Opcode> = {
  // Numbers, None and booleans.
  I: { argument: 'line', pushes: 1 },
  J: { argument: 4, pushes: 1 },
  K: { argument: 1, pushes: 1 },
  M: { argument: 2, pushes: 1 },
  L: { argument: 'line', pushes: 1 },
  '\x8a': { argument: counted(1), pushes: 1 },
  '\x8b': { argument: counted(4), pushes: 1 },
  F: { argument: 'line', pushes: 1 },
  G: { argument: 8, pushes: 1 },
  N: { pushes: 1 },
  '\x88': { pushes: 1 },
  '\x89': { pushes: 1 },
  // Texts and bytes.
  S: { argument: 'line', does: 'text' },
  T: { argument: counted(4, true), does: 'text' },
  U: { argument: counted(1, true), does: 'text' },
  V: { argument: 'line', does: 'text' },
  X: { argument: counted(4, true), does: 'text' },
  '\x8c': { argument: counted(1, true), does: 'text' },
  '\x8d': { argument: counted(8, true), does: 'text' },
  B: { argument: counted(4), pushes: 1 },
  C: { argument: counted(1), pushes: 1 },
  '\x8e': { argument: counted(8), pushes: 1 },
  '\x96': { argument: counted(8), pushes: 1 },
  '\x97': { pushes: 1 },
  '\x98': { pops: 1, pushes: 1 },
  // Lists, tuples, dictionaries and sets.
  ']': { pushes: 1 },
  a: { pops: 2, pushes: 1 },
  e: { pops: 'value-and-mark', pushes: 1 },
  l: { pops: 'mark', pushes: 1 },
  ')': { pushes: 1 },
  t: { pops: 'mark', pushes: 1 },
  '\x85': { pops: 1, pushes: 1 },
  '\x86': { pops: 2, pushes: 1 },
  '\x87': { pops: 3, pushes: 1 },
  '}': { pushes: 1 },
  d: { pops: 'mark', pushes: 1 },
  s: { pops: 3, pushes: 1 },
  u: { pops: 'value-and-mark', pushes: 1 },
  '\x8f': { pushes: 1 },
  '\x90': { pops: 'value-and-mark', pushes: 1 },
  '\x91': { pops: 'mark', pushes: 1 },
  // The stack and the memo.
  '0': { pops: 1 },
  '1': { pops: 'mark' },
  '2': { does: 'dup' },
  '(': { does: 'mark' },
  g: { argument: 'line', does: 'get' },
  h: { argument: 1, does: 'get' },
  j: { argument: 4, does: 'get' },
  p: { argument: 'line', does: 'put' },
  q: { argument: 1, does: 'put' },
  r: { argument: 4, does: 'put' },
  '\x94': { does: 'put-next' },
  // What is imported, and called.
  c: { argument: 'two-lines', does: 'global' },
  '\x93': { does: 'stack-global' },
  '\x82': { argument: 1, does: 'extension' },
  '\x83': { argument: 2, does: 'extension' },
  '\x84': { argument: 4, does: 'extension' },
  i: { argument: 'two-lines', does: 'instance' },
  o: { pops: 'mark', pushes: 1 },
  R: { pops: 2, pushes: 1 },
  b: { pops: 2, pushes: 1 },
  '\x81': { pops: 2, pushes: 1 },
  '\x92': { pops: 3, pushes: 1 },
  P: { argument: 'line', pushes: 1 },
  Q: { pops: 1, pushes: 1 },
  '\x80': { argument: 1 },
  '\x95': { argument: 8 },
  '.': { does: 'stop' },
}
const byCode = Array.from({ length: 256 }, (_, code) => opcodes[String.fromCharCode(code)])

/** One walk over pickles that follow each other. */
class Scan {
  imports = new Set<string>()
  #input: Window
  #bounds: PickleLimits
  #opcodes = 0
  #stack: Value[] = []
  #memo = new Map<number, Value>()

  constructor(input: Window, bounds: PickleLimits) {
    this.#input = input
    this.#bounds = bounds
  }

  /** Walks to the end of the last pickle; `cut` when a bound was met or what follows is no pickle in its middle. */
  async pickles(): Promise<'whole' | 'cut'> {
    try {
      for (let count = 0; count < maxPickles; count++) {
        this.#stack = []
        this.#memo = new Map()
        while (await this.#step());
        const { at, size } = this.#input
        if (at >= size) return 'whole'
        // Only another PROTO makes what follows a pickle; else it is the numbers of an old torch file.
        const next = await this.#input.take(1)
        this.#input.at = at
        if (next[0] !== 0x80) return 'whole'
      }
      return 'cut'
    } catch (error) {
      if (error instanceof Cut) return 'cut'
      throw error
    }
  }

  async #step(): Promise<boolean> {
    if (++this.#opcodes > this.#bounds.opcodes) throw new Cut('Too many opcodes.')
    // Others want this thread too.
    if (this.#opcodes % 20_000 === 0) await new Promise((done) => setImmediate(done))
    const taken = this.#input.take(1)
    const opcode = byCode[(taken instanceof Promise ? await taken : taken)[0]!]
    if (!opcode) throw new Cut('An opcode is not known.')
    if (opcode.does === 'stop') return false
    const argument = opcode.argument === undefined ? null : await this.#argument(opcode.argument)
    if (opcode.does) this.#special(opcode.does, argument)
    else {
      this.#pop(opcode.pops ?? 0)
      for (let i = 0; i < (opcode.pushes ?? 0); i++) this.#push(null)
    }
    return true
  }

  /** The argument as a text or a number; null where it does not matter. */
  async #argument(kind: Argument): Promise<string | number | null> {
    if (kind === 'line') return this.#input.line()
    if (kind === 'two-lines') return `${await this.#input.line()}\n${await this.#input.line()}`
    if (typeof kind === 'number') return readNumber(await this.#input.take(kind))
    const length = readNumber(await this.#input.take(kind.length))
    if (kind.text && length <= maxString) return (await this.#input.take(length)).toString('utf8')
    this.#input.skip(length)
    return null
  }

  #special(does: NonNullable<Opcode['does']>, argument: string | number | null): void {
    if (does === 'mark') this.#push(mark)
    else if (does === 'dup') this.#push(this.#stack.at(-1) ?? null)
    else if (does === 'text') this.#push(typeof argument === 'string' ? unquote(argument) : null)
    else if (does === 'put') this.#memo.set(Number(argument), this.#stack.at(-1) ?? null)
    else if (does === 'put-next') this.#memo.set(this.#memo.size, this.#stack.at(-1) ?? null)
    else if (does === 'get') this.#push(this.#memo.get(Number(argument)) ?? null)
    else if (does === 'global' || does === 'instance') {
      const [module, name] = String(argument).split('\n')
      this.#found(module!, name!)
      if (does === 'instance') this.#pop('mark')
      this.#push(null)
    } else if (does === 'stack-global') {
      const [module, name] = this.#stack.splice(-2)
      this.#found(typeof module === 'string' ? module : '?', typeof name === 'string' ? name : '?')
      this.#push(null)
    } else {
      // A number in the loader's own registry stands for the import.
      this.#found('copyreg', `extension ${argument}`)
      this.#push(null)
    }
    if (this.#memo.size > this.#bounds.opcodes / 2) throw new Cut('The memo is too large.')
  }

  #found(module: string, name: string): void {
    const text = module === '?' && name === '?' ? '?' : `${module}.${name}`
    this.imports.add(text.replace(/\p{C}/gu, '\u{fffd}').slice(0, 300))
    if (this.imports.size > this.#bounds.imports) throw new Cut('Too many imports.')
  }

  #push(value: Value): void {
    this.#stack.push(value)
    if (this.#stack.length > 1_000_000) throw new Cut('The stack is too deep.')
  }

  #pop(count: number | 'mark' | 'value-and-mark'): void {
    if (typeof count === 'number') {
      this.#stack.splice(Math.max(this.#stack.length - count, 0))
      return
    }
    const at = this.#stack.lastIndexOf(mark)
    if (at < 0) throw new Cut('A MARK is missing.')
    this.#stack.length = count === 'value-and-mark' ? Math.max(at - 1, 0) : at
  }
}

function readNumber(bytes: Buffer): number {
  if (bytes.length === 8) return Number(bytes.readBigUInt64LE())
  return bytes.readUIntLE(0, bytes.length)
}

/** STRING is written as Python's repr. */
function unquote(text: string): string {
  return /^'.*'$|^".*"$/s.test(text) ? text.slice(1, -1) : text
}
