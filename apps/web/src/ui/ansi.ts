import Anser from 'anser'

/** A piece of a log line with one look; `classes` are those of globals.css. */
export interface Span {
  text: string
  classes: string
}

// The palette of the log, for colours of the wider sets: the nearest of these has been checked for contrast.
const palette: [number, number, number][] = [
  [0, 0, 0],
  [187, 0, 0],
  [0, 187, 0],
  [187, 187, 0],
  [0, 0, 187],
  [187, 0, 187],
  [0, 187, 187],
  [200, 200, 200],
  [85, 85, 85],
  [255, 85, 85],
  [85, 255, 85],
  [255, 255, 85],
  [85, 85, 255],
  [255, 85, 255],
  [85, 255, 255],
  [255, 255, 255],
]
const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])|\u009b[0-?]*[ -/]*[@-~]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: what is left of them is removed
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/**
 * Turns a line of a log into spans. Colours and weights become classes; every other escape sequence is removed; a line
 * that was drawn over itself (progress bars) shows its last frame.
 */
export function ansiSpans(line: string): Span[] {
  const frame = line.includes('\r')
    ? (line
        .split('\r')
        .filter((part) => part !== '')
        .pop() ?? '')
    : line
  const text = frame.replaceAll(escapes, (sequence) => (isColor(sequence) ? sequence : ''))
  if (!text.includes('\u001b')) return text === '' ? [] : [{ text: text.replaceAll(controls, ''), classes: '' }]
  return Anser.ansiToJson(text, { use_classes: true, json: true, remove_empty: true })
    .map((part) => ({
      text: part.content.replaceAll(controls, ''),
      classes: [
        part.decorations.includes('reverse') ? 'ansi-inverse' : '',
        color(part.fg, part.fg_truecolor),
        part.bg && !part.fg ? color(part.bg, part.bg_truecolor) : '',
        ...part.decorations
          .filter((d) => ['bold', 'dim', 'italic', 'underline', 'strikethrough'].includes(d))
          .map((d) => `ansi-${d}`),
      ]
        .filter(Boolean)
        .join(' '),
    }))
    .filter((span) => span.text !== '')
}

/** `ESC [ 1 ; 31 m` */
const isColor = (sequence: string) => sequence.startsWith('\u001b[') && /^[\d;:]*m$/.test(sequence.slice(2))

function color(name: string | null, truecolor: string | null): string {
  if (!name) return ''
  const named = /^ansi-(bright-)?(\w+)$/.exec(name)
  const index = named ? names.indexOf(named[2]!) : -1
  if (index >= 0) return `ansi-fg-${index + (named![1] ? 8 : 0)}`
  const number = /^ansi-palette-(\d+)$/.exec(name)?.[1]
  if (number) return `ansi-fg-${nearest(xterm(Number(number)))}`
  const rgb = truecolor?.split(',').map(Number) ?? []
  return rgb.length === 3 ? `ansi-fg-${nearest(rgb as [number, number, number])}` : ''
}

/** The colour of a number above 15 in the set of 256. */
function xterm(index: number): [number, number, number] {
  if (index < 16) return palette[index]!
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return [grey, grey, grey]
  }
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40)
  const cube = index - 16
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]
}

function nearest([r, g, b]: [number, number, number]): number {
  const distances = palette.map(([pr, pg, pb]) => (r - pr) ** 2 + (g - pg) ** 2 + (b - pb) ** 2)
  return distances.indexOf(Math.min(...distances))
}
