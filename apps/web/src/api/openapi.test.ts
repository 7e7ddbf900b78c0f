import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openApiDocument, operations } from '@modelport/schema/api'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../app/api/v1')

/** `get /models/{owner}/{model}` for each handler that a route file exports. */
function routes(): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('route.ts'))
    .flatMap((file) => {
      const path = `/${file.replace(/\/?route\.ts$/, '').replaceAll(/\[(\w+)\]/g, '{$1}')}`
      const source = readFileSync(join(root, file), 'utf8')
      return [...source.matchAll(/export const (GET|POST|PUT|PATCH|DELETE)\b/g)].map(
        ([, method]) => `${method!.toLowerCase()} ${path}`,
      )
    })
}

const document = openApiDocument('http://127.0.0.1:3000')

describe('the OpenAPI document', () => {
  it('describes every route, and every route exists', () => {
    expect(operations.map((o) => `${o.method} ${o.path}`).sort()).toEqual(routes().sort())
  })

  it('is JSON without a hole, and every reference leads somewhere', () => {
    const text = JSON.stringify(document)
    expect(JSON.parse(text)).toEqual(document)
    for (const [, kind, name] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g))
      expect(document.components).toHaveProperty([kind!, name!])
    expect(text).not.toContain('#/$defs')
  })

  it('names every parameter of a path, and every operation once', () => {
    const ids = operations.map((o) => o.id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [path, methods] of Object.entries(document.paths))
      for (const operation of Object.values(methods) as {
        parameters: { name: string; in: string; required: boolean }[]
      }[]) {
        const named = operation.parameters.filter((p) => p.in === 'path').map((p) => p.name)
        expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
      }
  })

  it('says what a request must hold', () => {
    const post = document.paths['/models']?.post as {
      requestBody: { required: boolean; content: Record<string, { schema: object }> }
    }
    expect(post.requestBody.required).toBe(true)
    expect(post.requestBody.content['application/json']?.schema).toMatchObject({
      required: ['repository'],
      additionalProperties: false,
    })
    const rebuild = document.paths['/models/{owner}/{model}/versions/{n}/rebuild']?.post as {
      requestBody: { required: boolean }
    }
    expect(rebuild.requestBody.required).toBe(false)
  })
})
