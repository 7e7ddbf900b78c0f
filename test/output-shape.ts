/** What `example-calls.json` says of an output that is not the same to the last digit everywhere. */
export interface Shape {
  type: string
  value?: unknown
  min?: number
  max?: number
  length?: number
  item?: Shape
  format?: 'png' | 'jpeg'
  width?: number
  height?: number
}

/** Compares a value that a model answered with its shape. Returns what is wrong with it, as sentences. */
export function checkShape(value: unknown, shape: Shape, at = 'value'): string[] {
  const wrong: string[] = []
  const expect = (good: boolean, sentence: string) => {
    if (!good) wrong.push(`${at} ${sentence}`)
  }
  if (shape.value !== undefined)
    expect(
      JSON.stringify(value) === JSON.stringify(shape.value),
      `is ${JSON.stringify(value)}, not ${JSON.stringify(shape.value)}`,
    )
  if (shape.type === 'number') {
    expect(typeof value === 'number', 'is not a number')
    if (shape.min !== undefined) expect(Number(value) >= shape.min, `is ${value}, below ${shape.min}`)
    if (shape.max !== undefined) expect(Number(value) <= shape.max, `is ${value}, above ${shape.max}`)
  } else if (shape.type === 'text' || shape.type === 'file' || shape.type === 'directory') {
    expect(typeof value === 'string', 'is not a string')
  } else if (shape.type === 'boolean') {
    expect(typeof value === 'boolean', 'is not a boolean')
  } else if (shape.type === 'vector' || shape.type === 'array' || shape.type.startsWith('image_')) {
    if (!Array.isArray(value)) return [...wrong, `${at} is not a list`]
    if (shape.length !== undefined)
      expect(value.length === shape.length, `holds ${value.length} items, not ${shape.length}`)
    const item = shape.item
    if (item) wrong.push(...value.flatMap((each, i) => checkShape(each, item, `${at}[${i}]`)))
  } else if (shape.type === 'image' || shape.type === 'segmentation') {
    wrong.push(...checkImage(value, shape, at))
  }
  return wrong
}

function checkImage(value: unknown, shape: Shape, at: string): string[] {
  const found = typeof value === 'string' ? /^data:image\/([a-z]+);base64,(.+)$/s.exec(value) : null
  if (!found) return [`${at} is not an image as a data URI`]
  const wrong: string[] = []
  if (shape.format && found[1] !== shape.format) wrong.push(`${at} is a ${found[1]}, not a ${shape.format}`)
  const size = imageSize(Buffer.from(found[2]!, 'base64'))
  if (!size) return [...wrong, `${at} is neither PNG nor JPEG`]
  if (shape.width !== undefined && size.width !== shape.width)
    wrong.push(`${at} is ${size.width} px wide, not ${shape.width}`)
  if (shape.height !== undefined && size.height !== shape.height)
    wrong.push(`${at} is ${size.height} px high, not ${shape.height}`)
  return wrong
}

/** Width and height in px, from the header of a PNG or the frame of a JPEG. */
function imageSize(bytes: Buffer): { width: number; height: number } | null {
  if (bytes.toString('latin1', 1, 4) === 'PNG') return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  if (bytes.readUInt16BE(0) !== 0xffd8) return null
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1]!
    // Start of frame: 0xc0 to 0xcf but for the three that mean something else.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
  }
  return null
}
