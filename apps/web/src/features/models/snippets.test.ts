import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { type ManifestCommand, signature, typesOf } from '#src/features/models/manifest.ts'
import {
  curlSnippet,
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
