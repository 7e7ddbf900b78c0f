import { z } from 'zod'

// A reader's view of the manifest: built images print what they like, so everything unknown is kept out of the way and
// nothing is fatal.
const Field = z.looseObject({
  name: z.string(),
  type: z.string(),
  description: z.string().nullish(),
})
const Command = z.object({
  name: z.string(),
  description: z.string().nullish(),
  inputs: z.array(Field),
  outputs: z.array(Field),
})
const Manifest = z.object({ options: z.array(Field), commands: z.array(Command) })

export type ManifestField = z.infer<typeof Field>
export type ManifestCommand = z.infer<typeof Command>
export type Manifest = z.infer<typeof Manifest>

/** Null when there is none, or it is not one. */
export function readManifest(value: unknown): Manifest | null {
  const parsed = Manifest.safeParse(value)
  return parsed.success ? parsed.data : null
}

const number = (value: unknown) => (typeof value === 'number' ? value : null)

/** `vector[128]`, `image 512×512`, `array of text`. */
export function typeWords(field: ManifestField): string {
  switch (field.type) {
    case 'vector':
      return number(field.length) === null ? 'vector' : `vector[${number(field.length)}]`
    case 'image':
    case 'segmentation': {
      const [width, height] = [number(field.width), number(field.height)]
      return width && height ? `${field.type} ${width}×${height}` : field.type
    }
    case 'array': {
      const item = Field.safeParse({ name: 'item', ...(field.itemType as object) })
      return item.success ? `array of ${typeWords(item.data)}` : 'array'
    }
    case 'file':
      return field.isDirectory ? 'directory' : 'file'
    default:
      return field.type
  }
}

/** What narrows a field's values, in words. */
export function constraintWords(field: ManifestField): string[] {
  const words: string[] = []
  const range = (low: unknown, high: unknown, unit: string) => {
    const [from, to] = [number(low), number(high)]
    if (from !== null && to !== null) words.push(`${from} to ${to}${unit}`)
    else if (from !== null && from > 0) words.push(`at least ${from}${unit}`)
    else if (to !== null) words.push(`at most ${to}${unit}`)
  }
  if (field.type === 'number') {
    range(field.min, field.max, '')
    if (number(field.step) !== null) words.push(`in steps of ${field.step}`)
  }
  if (field.type === 'text') range(field.minLength, field.maxLength, ' characters')
  if (field.type === 'array') range(field.minLength, field.maxLength, ' items')
  if (Array.isArray(field.oneOf)) words.push(`one of ${field.oneOf.slice(0, 50).map(plain).join(', ')}`)
  if (Array.isArray(field.labels)) words.push(`labels ${field.labels.slice(0, 50).map(plain).join(', ')}`)
  if (field.type === 'image' && number(field.channels)) words.push(`${field.channels} channels`)
  if (typeof field.extension === 'string') words.push(`*${field.extension}`)
  return words
}

export function defaultWords(field: ManifestField): string | null {
  if (field.default === undefined || field.default === null || field.default === '') return null
  return plain(field.default).slice(0, 200)
}

const plain = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** `generate(z: vector[128]) → image` */
export function signature(command: ManifestCommand): string {
  const inputs = command.inputs.map((field) => `${field.name}: ${typeWords(field)}`).join(', ')
  const outputs = command.outputs.map((field) =>
    command.outputs.length > 1 ? `${field.name}: ${typeWords(field)}` : typeWords(field),
  )
  return `${command.name}(${inputs}) → ${outputs.length > 1 ? `(${outputs.join(', ')})` : outputs.join('')}`
}

/** The types of all commands' inputs or outputs, each once. */
export function typesOf(manifest: Manifest | null, side: 'inputs' | 'outputs'): string[] {
  return [
    ...new Set(
      manifest?.commands.flatMap((command) =>
        command[side].map((f) => (f.type === 'file' && f.isDirectory ? 'directory' : f.type)),
      ),
    ),
  ]
}
