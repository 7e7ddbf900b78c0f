/** Keys that mean one of ours in other tools and would be ignored silently here. */
const synonyms = new Map([
  ['python_version', 'python'],
  ['cuda_version', 'cuda'],
  ['steps', 'build_steps'],
  ['exclude', 'ignore'],
])

/** The known key that `key` was probably meant to be (`build steps`, `entry_point`, `if-gpu`), or null. */
export function nearMiss(key: string, known: readonly string[]): string | null {
  const bare = simplify(key)
  if (bare === '') return null
  const same = known.find((candidate) => simplify(candidate) === bare)
  if (same) return same
  const synonym = synonyms.get(key.toLowerCase())
  if (synonym && known.includes(synonym)) return synonym
  return known.find((candidate) => isClose(bare, simplify(candidate))) ?? null
}

function simplify(key: string): string {
  return key.toLowerCase().replace(/[\s_\-.]+/g, '')
}

/** One slip of the pen in a short key, two in a long one; `s` at the end always counts as a slip. */
function isClose(a: string, b: string): boolean {
  if (a === `${b}s` || b === `${a}s`) return true
  if (b.length < 4) return false
  return distance(a, b) <= (b.length >= 8 ? 2 : 1)
}

/** Edit distance with swapped neighbours counted once (optimal string alignment). */
function distance(a: string, b: string): number {
  // Longer keys are never close to a known one; this also bounds the work.
  if (Math.abs(a.length - b.length) > 2) return 3
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
