import { openApiDocument } from '@modelport/schema/api'

/** JSON Schema, as far as our own document uses it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  format?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  anyOf?: Schema[]
  oneOf?: Schema[]
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
}

export interface Parameter {
  name: string
  in: 'path' | 'query'
  required: boolean
  description?: string
  schema: Schema
}

export interface ApiOperation {
  id: string
  method: string
  path: string
  summary: string
  description: string | null
  /** Whether it answers nobody without a token or a session. */
  guarded: boolean
  parameters: Parameter[]
  body: { types: string[]; schema: Schema; required: boolean } | null
  answers: { status: string; description: string; types: string[]; schema: Schema | null }[]
}

export interface ApiDocument {
  server: string
  groups: { title: string; operations: ApiOperation[] }[]
  schemas: Record<string, Schema>
}

type Content = Record<string, { schema: Schema }>
interface RawOperation {
  operationId: string
  summary: string
  description?: string
  security?: unknown[]
  parameters: Parameter[]
  requestBody?: { required: boolean; content: Content }
  responses: Record<string, { description?: string; content?: Content; $ref?: string }>
}

/** Our OpenAPI document in the order in which people read it. */
export function readApiDocument(siteUrl: string): ApiDocument {
  const document = openApiDocument(siteUrl)
  const groups = new Map<string, ApiOperation[]>()
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, raw] of Object.entries(methods) as [string, RawOperation][]) {
      const title = groupOf(path)
      groups.set(title, [...(groups.get(title) ?? []), operationOf(path, method, raw)])
    }
  return {
    server: `${siteUrl}/api/v1`,
    groups: [...groups].map(([title, operations]) => ({ title, operations })),
    schemas: document.components.schemas as Record<string, Schema>,
  }
}

const groupTitles: [RegExp, string][] = [
  [/^\/models\/\{owner\}\/\{model\}\/(?:versions|compare|default-version)/, 'Versions and builds'],
  [/^\/models\/\{owner\}\/\{model\}\/gallery/, 'Gallery'],
  [/^\/models\/\{owner\}\/\{model\}\/(?:files|uploads)/, 'Files'],
  [/^\/models/, 'Models'],
  [/^\/deliveries/, 'Pushes'],
  [/^\/tokens/, 'Tokens'],
]

const groupOf = (path: string) => groupTitles.find(([pattern]) => pattern.test(path))?.[1] ?? 'Other'

function operationOf(path: string, method: string, raw: RawOperation): ApiOperation {
  const body = raw.requestBody
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    summary: raw.summary,
    description: raw.description ?? null,
    guarded: raw.security !== undefined,
    parameters: raw.parameters,
    body: body
      ? { types: Object.keys(body.content), schema: Object.values(body.content)[0]!.schema, required: body.required }
      : null,
    answers: Object.entries(raw.responses).flatMap(([status, answer]) =>
      // The shape of every error is said once, above.
      status === 'default'
        ? []
        : {
            status,
            description: answer.description ?? '',
            types: Object.keys(answer.content ?? {}),
            schema: Object.entries(answer.content ?? {}).find(([type]) => type.endsWith('json'))?.[1].schema ?? null,
          },
    ),
  }
}

/** The name behind `#/components/schemas/Name`. */
export const refName = (schema: Schema) => schema.$ref?.replace('#/components/schemas/', '') ?? null

/** `string (uuid) or null`, `integer from 1 to 100`, `list of Version`. */
export function typeName(schema: Schema): string {
  const name = refName(schema)
  if (name) return name
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map(typeName))].join(' or ')
  if (schema.items) return `list of ${typeName(schema.items)}`
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything')
  const limits = [
    // The bounds that only say "a safe integer" say nothing.
    schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER ? `from ${schema.minimum}` : '',
    schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER ? `to ${schema.maximum}` : '',
    schema.maxLength !== undefined ? `up to ${schema.maxLength} characters` : '',
  ]
  return [type, schema.format ? `(${schema.format})` : '', ...limits].filter(Boolean).join(' ')
}

const known: Record<string, unknown> = {
  owner: 'alice',
  model: 'upper',
  name: 'upper',
  n: 1,
  range: '1...2',
  target: 'cpu',
  repository: 'alice/upper',
  version: 1,
  number: 1,
  cursor: '',
}

/** A value that a schema accepts, or nearly: patterns are not followed. */
export function exampleOf(schema: Schema, schemas: Record<string, Schema>, name = '', depth = 0): unknown {
  const ref = refName(schema)
  if (ref) return depth > 4 ? {} : exampleOf(schemas[ref] ?? {}, schemas, name, depth + 1)
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf ?? schema.oneOf) return exampleOf((schema.anyOf ?? schema.oneOf)![0]!, schemas, name, depth)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object' || schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([key, value]) => [key, exampleOf(value, schemas, key, depth + 1)]),
    )
  if (type === 'array') return depth > 4 || !schema.items ? [] : [exampleOf(schema.items, schemas, name, depth + 1)]
  if (known[name] !== undefined) return known[name]
  if (type === 'integer' || type === 'number') return Math.max(0, schema.minimum ?? 0)
  if (type === 'boolean') return true
  if (type === 'null') return null
  const byFormat: Record<string, string> = {
    uuid: '7d9f2a64-3c1e-4b0a-9a51-0c8f4e2b6d13',
    'date-time': '2026-05-04T12:00:00.000Z',
    uri: 'https://example.org',
  }
  return byFormat[schema.format ?? ''] ?? (type === 'string' ? 'text' : null)
}

/** What to fill in for a parameter of an address. */
export const exampleParameter = ({ name, schema }: Parameter) =>
  String(known[name] ?? exampleOf(schema, {}, name) ?? '')

export function curlOf(operation: ApiOperation, document: ApiDocument): string {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(known[name] ?? 'ID'))
  const needed = operation.parameters.filter((one) => one.in === 'query' && one.required)
  const query = needed.map((one) => `${one.name}=${encodeURIComponent(exampleParameter(one))}`).join('&')
  const lines = [`curl '${document.server}${path}${query ? `?${query}` : ''}'`]
  if (operation.method !== 'GET') lines[0] += ` -X ${operation.method}`
  if (operation.guarded) lines.push(`-H "Authorization: Bearer $TOKEN"`)
  if (operation.body) {
    const json = operation.body.types[0] === 'application/json'
    lines.push(`-H 'Content-Type: ${operation.body.types[0]}'`)
    lines.push(
      json ? `-d '${JSON.stringify(exampleOf(operation.body.schema, document.schemas))}'` : '--data-binary @image.png',
    )
  }
  return lines.join(' \\\n  ')
}
