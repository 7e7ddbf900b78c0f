import type { ManifestCommand, ManifestField } from '#src/features/models/manifest.ts'

export interface RunnableImage {
  target: 'cpu' | 'gpu'
  imageRepository: string | null
  imageDigest: string | null
  imagePushed: boolean
}

/**
 * How an image is named to an engine: pinned by digest where it was pushed, by its id where it stayed in the engine of
 * the machine that built it.
 */
export function imageReference(image: RunnableImage, registry: string | null): string | null {
  if (!image.imageDigest) return null
  return image.imagePushed && registry && image.imageRepository
    ? `${registry}/${image.imageRepository}@${image.imageDigest}`
    : image.imageDigest
}

/** A file of the model's Files page, in a place of one of its options. */
export interface RunFile {
  option: string
  /** Null where the option is no category. */
  choice: string | null
  kind: 'category' | 'file' | 'directory'
  name: string
  /** Stays the same and redirects to the bytes. */
  url: string
}

export interface RunOptions {
  files?: readonly RunFile[]
  /** Whether everybody may download them: the model then does so itself. */
  filesAreOpen?: boolean
}

export function runLine(
  image: RunnableImage,
  registry: string | null,
  { files = [], filesAreOpen = false }: RunOptions = {},
): string | null {
  const reference = imageReference(image, registry)
  if (!reference) return null
  const itself = files.filter((file) => downloadsItself(file, filesAreOpen))
  const mounted = files.filter((file) => !itself.includes(file))
  const options = Object.fromEntries([
    ...itself.map((file) => [file.option, file.url]),
    ...mounted.filter((file) => file.kind !== 'category').map((file) => [file.option, `/${placeOnDisk(file)}`]),
  ])
  // Inside a container 127.0.0.1 is the container, unless it shares the machine's network.
  const local = itself.some((file) => ['127.0.0.1', 'localhost'].includes(new URL(file.url).hostname))
  return [
    'docker run --rm',
    image.target === 'gpu' ? '--gpus all' : '',
    local ? '--network host' : '-p 9000:9000',
    mounted.length > 0 ? `-v "$PWD/checkpoints:/checkpoints:ro"` : '',
    Object.keys(options).length > 0 ? `-e RW_MODEL_OPTIONS=${shellQuote(JSON.stringify(options))}` : '',
    reference,
  ]
    .filter(Boolean)
    .join(' ')
}

/** Fetches what the run line mounts; null when the model needs nothing of the kind. */
export function downloadLines({ files = [], filesAreOpen = false }: RunOptions): string | null {
  const mounted = files.filter((file) => !downloadsItself(file, filesAreOpen))
  if (mounted.length === 0) return null
  const token = filesAreOpen ? '' : ' -H "Authorization: Bearer $TOKEN"'
  return [
    'mkdir -p checkpoints',
    ...mounted.flatMap((file) => {
      const place = placeOnDisk(file)
      const target = file.kind === 'directory' ? place + endingOf(file.name) : place
      const fetched = `curl -fL -C - -o ${shellQuote(target)}${token} ${shellQuote(file.url)}`
      if (file.kind !== 'directory') return [fetched]
      return [fetched, `mkdir -p ${shellQuote(place)} && tar -xf ${shellQuote(target)} -C ${shellQuote(place)}`]
    }),
  ].join('\n')
}

/** The SDK fetches an address, and unpacks an archive; a category's value is the choice itself. */
const downloadsItself = ({ kind }: RunFile, filesAreOpen: boolean) => filesAreOpen && kind !== 'category'

/** `checkpoints/night.pth`: named for the choice or the option, so that a new file of another name changes nothing. */
function placeOnDisk({ kind, choice, option, name }: RunFile): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a path
  const word = (choice ?? option).replaceAll(/[/\\\u0000-\u001f\u007f]/g, '_').replace(/^\.+$/, '_')
  return `checkpoints/${word}${kind === 'directory' ? '' : endingOf(name)}`
}

const endingOf = (name: string) => /(?:\.tar)?\.[A-Za-z0-9]{1,12}$/.exec(name)?.[0] ?? ''

// The smallest PNG there is: one transparent pixel.
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='

/** A value that the model accepts for a field, for a request to start from. */
export function exampleValue(field: ManifestField): unknown {
  const set = field.default !== undefined && field.default !== null && field.default !== ''
  switch (field.type) {
    case 'text':
      return set ? field.default : 'A sentence to start from.'
    case 'number':
      return set ? field.default : typeof field.min === 'number' ? field.min : 0
    case 'boolean':
      return field.default ?? false
    case 'category':
      return set ? field.default : Array.isArray(field.oneOf) ? field.oneOf[0] : ''
    case 'vector': {
      if (set) return field.default
      const length = typeof field.length === 'number' ? field.length : 1
      const mean = typeof field.samplingMean === 'number' ? field.samplingMean : 0
      return Array.from({ length: Math.min(length, 4096) }, () => mean)
    }
    case 'array': {
      const item = field.itemType as ManifestField | undefined
      const count = Math.min(Math.max(1, typeof field.minLength === 'number' ? field.minLength : 1), 10)
      return item?.type ? Array.from({ length: count }, () => exampleValue(item)) : []
    }
    case 'image':
    case 'segmentation':
      return pixel
    case 'file':
      return field.isDirectory ? 'https://example.com/files.tar.gz' : 'https://example.com/file'
    case 'image_point':
      return [0.5, 0.5]
    case 'image_bounding_box':
      return [0.25, 0.25, 0.75, 0.75]
    case 'image_landmarks':
      return Array.from({ length: typeof field.length === 'number' ? Math.min(field.length, 512) : 1 }, () => [
        0.5, 0.5,
      ])
    default:
      return set ? field.default : null
  }
}

/** The body of a request for a command. */
export const exampleInput = (command: ManifestCommand) =>
  Object.fromEntries(command.inputs.map((field) => [field.name, exampleValue(field)]))

/** Puts text between single quotes for a POSIX shell. */
export const shellQuote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

export function curlSnippet(command: ManifestCommand): string {
  const url = `http://localhost:9000/${encodeURIComponent(command.name)}`
  return `curl ${shellQuote(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${shellQuote(JSON.stringify(exampleInput(command)))}`
}

export function pythonSnippet(command: ManifestCommand): string {
  const body = JSON.stringify(JSON.stringify(exampleInput(command)))
  return `import json, urllib.request

request = urllib.request.Request(
    ${JSON.stringify(`http://localhost:9000/${encodeURIComponent(command.name)}`)},
    data=${body}.encode(),
    headers={"Content-Type": "application/json"},
)
print(json.load(urllib.request.urlopen(request)))`
}

export function javascriptSnippet(command: ManifestCommand): string {
  return `const answer = await fetch(${JSON.stringify(`http://localhost:9000/${encodeURIComponent(command.name)}`)}, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(${JSON.stringify(exampleInput(command))}),
})
console.log(await answer.json())`
}
