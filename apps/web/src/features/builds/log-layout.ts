/** One step's lines in the log: `first` and `last` are line numbers, both 0 while it printed nothing. */
export interface LogRange {
  key: string
  first: number
  last: number
}

/** Rows of the viewer: each range has a head, and its lines unless it is folded. Computed, never listed: a log may have 200,000. */
export interface Layout {
  rows: number
  places: { range: LogRange; row: number; lines: number }[]
}

export function layOut(ranges: LogRange[], folded: ReadonlySet<string>): Layout {
  let row = 0
  const places = ranges.map((range) => {
    const lines = range.first === 0 || folded.has(range.key) ? 0 : range.last - range.first + 1
    const place = { range, row, lines }
    row += 1 + lines
    return place
  })
  return { rows: row, places }
}

/** The head or the line that a row shows. */
export function rowAt(layout: Layout, row: number): { range: LogRange; line: number | null } | null {
  let low = 0
  let high = layout.places.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const place = layout.places[middle]!
    if (row < place.row) high = middle - 1
    else if (row > place.row + place.lines) low = middle + 1
    else return { range: place.range, line: row === place.row ? null : place.range.first + (row - place.row - 1) }
  }
  return null
}

/** The row of a line; the row of its range's head when that is folded. */
export function rowOfLine(layout: Layout, line: number): number | null {
  const place = layout.places.find(({ range }) => line >= range.first && line <= range.last)
  if (!place) return null
  return place.lines === 0 ? place.row : place.row + 1 + (line - place.range.first)
}

export interface Mark {
  from: number
  to: number
}

/** `#gpu-L120` and `#gpu-L120-L134`; null for every other hash and for another target's. */
export function parseMark(hash: string, target: string): Mark | null {
  const match = /^#(cpu|gpu)-L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash)
  if (!match || match[1] !== target) return null
  const from = Number(match[2])
  const to = Number(match[3] ?? match[2])
  return from === 0 ? null : { from: Math.min(from, to), to: Math.max(from, to) }
}

export const markHash = (target: string, { from, to }: Mark) => `#${target}-L${from}${to === from ? '' : `-L${to}`}`
