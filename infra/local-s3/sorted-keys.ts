/** Keys in the order in which S3 lists them: that of their UTF-8 bytes. */
export class SortedKeys {
  readonly #keys: string[]

  constructor(keys: Iterable<string>) {
    this.#keys = [...keys].sort(compareKeys)
  }

  add(key: string): void {
    this.#keys.splice(this.#firstFrom(key), 0, key)
  }

  remove(key: string): void {
    const at = this.#firstFrom(key)
    if (this.#keys[at] === key) this.#keys.splice(at, 1)
  }

  /** The keys from `start` on, `start` itself with them. */
  *from(start: string): Generator<string> {
    for (let at = this.#firstFrom(start); at < this.#keys.length; at++) yield this.#keys[at]!
  }

  #firstFrom(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Compares by code point, which is the order of the UTF-8 bytes; JavaScript's own is that of UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

// Surrogates stand for code points above all others, but lie below U+E000.
function rank(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit
}
