export interface DiffLine {
  kind: 'same' | 'removed' | 'added' | 'skipped'
  text: string
}

/** Beyond this many comparisons the middle is shown as removed and added: a diff is help, and must stay cheap. */
const maxCells = 1_000_000
const context = 3
const maxShown = 1500

/** What changed between two texts, line by line, with three lines around each change. Empty when they are equal. */
export function diffLines(older: string, newer: string): DiffLine[] {
  if (older === newer) return []
  const [before, after] = [older.split(/\r?\n/), newer.split(/\r?\n/)]
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++
  const same = (lines: string[]) => lines.map((text): DiffLine => ({ kind: 'same', text }))
  const lines = [
    ...same(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ]
  // Far beyond what is shown: the rest need not be looked at.
  return withContext(lines.slice(0, 20 * maxShown)).slice(0, maxShown)
}

function middle(before: string[], after: string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text })
  const added = (text: string): DiffLine => ({ kind: 'added', text })
  const [rows, columns] = [before.length, after.length]
  if (rows * columns > maxCells) return [...before.map(removed), ...after.map(added)]
  // Longest common subsequence of what is left, from the ends backwards.
  const width = columns + 1
  const best = new Uint32Array((rows + 1) * width)
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      best[i * width + j] =
        before[i] === after[j]
          ? best[(i + 1) * width + j + 1]! + 1
          : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!)
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < rows && j < columns) {
    if (before[i] === after[j]) {
      lines.push({ kind: 'same', text: before[i]! })
      i++
      j++
    } else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) lines.push(removed(before[i++]!))
    else lines.push(added(after[j++]!))
  }
  return [...lines, ...before.slice(i).map(removed), ...after.slice(j).map(added)]
}

function withContext(lines: DiffLine[]): DiffLine[] {
  const kept = new Set<number>()
  lines.forEach((line, i) => {
    if (line.kind !== 'same') for (let k = i - context; k <= i + context; k++) kept.add(k)
  })
  const shown: DiffLine[] = []
  let skipped = 0
  const close = () => {
    if (skipped > 0) shown.push({ kind: 'skipped', text: `${skipped} lines that are the same` })
    skipped = 0
  }
  lines.forEach((line, i) => {
    if (!kept.has(i)) {
      skipped++
      return
    }
    close()
    shown.push(line)
  })
  close()
  return shown
}
