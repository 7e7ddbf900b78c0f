import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { type ManifestCommand, signature, typesOf } from '#src/features/models/manifest.ts'
import {
  curlSnippet,
  downloadLines,
  exampleInput,
  imageReference,
  javascriptSnippet,
  pythonSnippet,
  runLine,
} from '#src/features/models/snippets.ts'

const image = {
  target: 'gpu' as const,
  imageRepository: 'models/0000',
  imageDigest: `sha256:${'a'.repeat(64)}`,
  imagePushed: true,
}

it('pins a pushed image by digest in the image registry', () => {
  expect(runLine(image, '127.0.0.1:3050')).toBe(
    `docker run --rm --gpus all -p 9000:9000 127.0.0.1:3050/models/0000@${image.imageDigest}`,
  )
  expect(runLine({ ...image, target: 'cpu' }, '127.0.0.1:3050')).not.toContain('--gpus')
})

it('names an image that stayed in the engine by its id', () => {
  expect(imageReference({ ...image, imagePushed: false }, '127.0.0.1:3050')).toBe(image.imageDigest)
  expect(imageReference(image, null)).toBe(image.imageDigest)
  expect(runLine({ ...image, imageDigest: null }, null)).toBeNull()
})

const at = 'https://models.example/alice/m/files'
const files = [
  {
    option: 'style',
    choice: 'ni/ght',
    kind: 'category' as const,
    name: 'n 3.pth',
    url: `${at}/choice/style/ni%2Fght/n.pth`,
  },
  { option: 'weights', choice: null, kind: 'file' as const, name: "it's.safetensors", url: `${at}/option/weights/w` },
  { option: 'words', choice: null, kind: 'directory' as const, name: 'words.tar.gz', url: `${at}/option/words/w` },
]

it('hands open files to the model by their address, and mounts what a category chooses', () => {
  const options = { files, filesAreOpen: true }
  expect(downloadLines(options)).toBe(
    `mkdir -p checkpoints\ncurl -fL -C - -o 'checkpoints/ni_ght.pth' '${at}/choice/style/ni%2Fght/n.pth'`,
  )
  expect(runLine({ ...image, target: 'cpu' }, 'r', options)).toBe(
    `docker run --rm -p 9000:9000 -v "$PWD/checkpoints:/checkpoints:ro" -e RW_MODEL_OPTIONS='{"weights":"${at}/option/weights/w","words":"${at}/option/words/w"}' r/models/0000@${image.imageDigest}`,
  )
  const local = files.map((file) => ({
    ...file,
    url: file.url.replace('https://models.example', 'http://127.0.0.1:3000'),
  }))
  expect(runLine(image, 'r', { files: local, filesAreOpen: true })).toContain(' --network host ')
})

it('has closed files downloaded with a token, and all of them mounted', () => {
  const [, second, third, fourth] = downloadLines({ files })!.split('\n')
  expect(second).toContain(' -H "Authorization: Bearer $TOKEN" ')
  expect(third).toContain("-o 'checkpoints/weights.safetensors'")
  expect(fourth).toContain("-o 'checkpoints/words.tar.gz'")
  expect(downloadLines({ files })).toContain("tar -xf 'checkpoints/words.tar.gz' -C 'checkpoints/words'")
  expect(runLine(image, 'r', { files })).toContain(
    `RW_MODEL_OPTIONS='{"weights":"/checkpoints/weights.safetensors","words":"/checkpoints/words"}'`,
  )
  expect(downloadLines({})).toBeNull()
})

const nasty: ManifestCommand = {
  name: `it's "$(touch x)"`,
  description: null,
  inputs: [
    { name: 'z', type: 'vector', length: 3, samplingMean: 0, default: null },
    { name: `quo'te"\\`, type: 'text', default: `'; rm -rf / #` },
    { name: 'kind', type: 'category', oneOf: ['a', 'b'], default: 'b' },
    { name: 'photo', type: 'image', channels: 3 },
    { name: 'new', type: 'a_type_of_tomorrow' },
    { name: 'list', type: 'array', itemType: { name: 'number_array_item', type: 'number', min: 2 }, minLength: 2 },
  ],
  outputs: [{ name: 'image', type: 'image', width: 512, height: 512 }],
}

it('a shell reads the curl line as the same request, whatever the model is called', () => {
  const line = curlSnippet(nasty).replace(/^curl/, `printf '%s\\n'`)
  const printed = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' }).trimEnd().split('\n')
  expect(printed[0]).toBe(`http://localhost:9000/${encodeURIComponent(nasty.name)}`)
  expect(JSON.parse(printed[4]!)).toEqual(exampleInput(nasty))
})

it('fills a request with values that the fields accept', () => {
  expect(exampleInput(nasty)).toMatchObject({ z: [0, 0, 0], kind: 'b', new: null, list: [2, 2] })
  expect(exampleInput(nasty).photo).toMatch(/^data:image\/png;base64,/)
})

it('writes JavaScript and Python that say the same', () => {
  const body = /body: JSON\.stringify\((.*)\),/.exec(javascriptSnippet(nasty))?.[1]
  expect(JSON.parse(body!)).toEqual(exampleInput(nasty))
  const data = /data=(.*)\.encode\(\)/.exec(pythonSnippet(nasty))?.[1]
  expect(JSON.parse(JSON.parse(data!))).toEqual(exampleInput(nasty))
})

it('sums a command up in one line', () => {
  expect(signature({ ...nasty, name: 'generate', inputs: nasty.inputs.slice(0, 1) })).toBe(
    'generate(z: vector[3]) → image 512×512',
  )
  expect(typesOf({ options: [], commands: [nasty, nasty] }, 'outputs')).toEqual(['image'])
})
