import type { Catalogue } from '../catalogue.ts'

/** The Python versions of the catalogue, oldest first. */
export function availablePythons(catalogue: Catalogue): string[] {
  return [...new Set(catalogue.entries.map((entry) => entry.python))].sort(comparePythons)
}

/** The CUDA versions of the catalogue, oldest first, in canonical form. */
export function availableCuda(catalogue: Catalogue): string[] {
  const versions = catalogue.entries.flatMap((entry) => (entry.cuda === null ? [] : [entry.cuda]))
  return [...new Set(versions)].sort((a, b) => Number(a) - Number(b))
}

/** Orders `3.9` before `3.10`. */
export function comparePythons(a: string, b: string): number {
  return minor(a) - minor(b)
}

function minor(python: string): number {
  return Number(python.split('.')[1])
}

/** `3.6` for `3.6.9`, null for anything that is not major, minor and patch level of Python 3. */
export function patchLevelPython(text: string): string | null {
  return /^(3\.(?:0|[1-9]\d?))\.(?:\d{1,3}|[x*])$/.exec(text)?.[1] ?? null
}

/** `10.0` for `10`, `10.0` and `10.00`; null for anything that is not major and minor. */
export function canonicalCuda(text: string): string | null {
  const match = /^([1-9]\d?)(?:\.(\d)0*)?$/.exec(text)
  return match ? `${match[1]}.${match[2] ?? '0'}` : null
}
