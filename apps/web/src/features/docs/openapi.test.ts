import { GalleryRequest, operations, TokenRequest } from '@modelport/schema/api'
import { expect, it } from 'vitest'
import { curlOf, exampleOf, readApiDocument, typeName } from '#src/features/docs/openapi.ts'

const document = readApiDocument('http://127.0.0.1:3000')
const all = document.groups.flatMap((group) => group.operations)

it('shows every operation once, and each has a line to run', () => {
  expect(all.map(({ id }) => id).sort()).toEqual(operations.map(({ id }) => id).sort())
  for (const operation of all)
    expect(curlOf(operation, document)).toMatch(/^curl 'http:\/\/127\.0\.0\.1:3000\/api\/v1\/[^{}]*'/)
})

it('gives bodies as examples that the API accepts', () => {
  const bodyOf = (id: string) => exampleOf(all.find((one) => one.id === id)!.body!.schema, document.schemas)
  expect(GalleryRequest.safeParse(bodyOf('setGallery')).error).toBeUndefined()
  expect(TokenRequest.safeParse(bodyOf('createToken')).error).toBeUndefined()
})

it('says types in words', () => {
  expect(typeName({ type: ['string', 'null'], format: 'uuid' })).toBe('string or null (uuid)')
  expect(typeName({ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER })).toBe('integer from 1')
  expect(typeName({ type: 'array', items: { $ref: '#/components/schemas/Build' } })).toBe('list of Build')
  expect(typeName({ anyOf: [{ enum: ['cpu', 'gpu'] }, { type: 'null' }] })).toBe('"cpu" or "gpu" or null')
})
