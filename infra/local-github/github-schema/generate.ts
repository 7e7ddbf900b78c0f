import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { restRouter } from '../rest/index.ts'

// Cuts what we need out of GitHub's published descriptions, so that tests can hold our answers against them.
//
// The packages are large (385 MB), so they are installed elsewhere and only this cut is kept here:
//   npm install --prefix DIR @octokit/openapi@23.0.2 @octokit/openapi-webhooks@12.1.0
//   tsx infra/local-github/github-schema/generate.ts DIR

const VERSION = 'ghes-3.19'
const WEBHOOKS = [
  'push',
  'installation-created',
  'installation-deleted',
  'installation-suspend',
  'installation-unsuspend',
  'installation-repositories-added',
  'installation-repositories-removed',
  'installation-target-renamed',
  'check-suite-requested',
  'check-suite-rerequested',
  'check-suite-completed',
  'check-run-created',
  'check-run-completed',
  'check-run-rerequested',
  'repository-renamed',
  'repository-transferred',
  'repository-privatized',
  'repository-publicized',
  'repository-archived',
  'repository-unarchived',
  'repository-edited',
  'repository-deleted',
  'member-added',
  'member-edited',
  'member-removed',
  'github-app-authorization-revoked',
]

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Obj = { [key: string]: Json }
interface Spec {
  paths: Record<string, Record<string, { responses: Record<string, Obj> }>>
  webhooks: Record<string, { post: { requestBody: { content: Record<string, { schema: Obj }> } } }>
  components: { schemas: Record<string, Obj>; responses?: Record<string, Obj> }
}

const folder = process.argv[2]
if (!folder) throw new Error('Name the folder into which the two packages were installed.')
const packageDir = (name: string) => join(folder, 'node_modules', '@octokit', name)
const readSpec = (name: string) => JSON.parse(readFileSync(join(packageDir(name), 'generated', `${VERSION}.json`), 'utf8')) as Spec
const versionOf = (name: string) => (JSON.parse(readFileSync(join(packageDir(name), 'package.json'), 'utf8')) as { version: string }).version

const WORDS = new Set(['description', 'example', 'examples', 'title', 'externalDocs', 'deprecated', 'x-github', 'discriminator'])

/** Drops what does not validate, and turns OpenAPI 3.0's `nullable` into JSON Schema. */
function clean(schema: Json, isNameMap = false): Json {
  if (Array.isArray(schema)) return schema.map((item) => clean(item))
  if (schema === null || typeof schema !== 'object') return schema
  const out: Obj = {}
  for (const [key, value] of Object.entries(schema)) {
    // Below `properties` the keys are names of fields, which may be called `description` too.
    if (!isNameMap && (WORDS.has(key) || key.startsWith('x-') || key === 'nullable' || key === 'default')) continue
    out[key] = clean(value, !isNameMap && key === 'properties')
  }
  if (isNameMap || schema.nullable !== true) return out
  if (Array.isArray(out.enum)) out.enum = [...out.enum, null]
  if (typeof out.type === 'string') {
    out.type = [out.type, 'null']
    return out
  }
  return { anyOf: [out, { type: 'null' }] }
}

/** Collects the schemas that a schema refers to, and those that they refer to. */
function gather(spec: Spec, schema: Json, into: Record<string, Json>): void {
  if (Array.isArray(schema)) for (const item of schema) gather(spec, item, into)
  else if (schema !== null && typeof schema === 'object') {
    for (const [key, value] of Object.entries(schema)) {
      const name = key === '$ref' && typeof value === 'string' ? /^#\/components\/schemas\/(.+)$/.exec(value)?.[1] : undefined
      if (!name) gather(spec, value, into)
      else if (!(name in into)) {
        into[name] = clean(spec.components.schemas[name]!)
        gather(spec, into[name]!, into)
      }
    }
  }
}

/** Mends a fault of the description: its list of installations wants each account to be a user and an enterprise at once. */
function described(route: string, schema: Json): Json {
  if (route !== 'GET /app/installations') return schema
  return { type: 'array', items: { $ref: '#/components/schemas/installation' } }
}

const rest = readSpec('openapi')
const byShape = new Map<string, Record<string, Obj>>()
for (const [path, methods] of Object.entries(rest.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    byShape.set(`${method.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '{}')}`, operation.responses)
  }
}
const operations: Record<string, Record<string, Json>> = {}
const restSchemas: Record<string, Json> = {}
for (const route of [...new Set(restRouter().list())].sort()) {
  const responses = byShape.get(route)
  if (!responses) continue
  operations[route] = {}
  for (const [status, given] of Object.entries(responses)) {
    const ref = typeof given.$ref === 'string' ? given.$ref.replace('#/components/responses/', '') : null
    const response = (ref ? rest.components.responses![ref]! : given) as { content?: Record<string, { schema: Json }> }
    const schema = clean(described(route, response.content?.['application/json']?.schema ?? null))
    operations[route][status] = schema
    gather(rest, schema, restSchemas)
  }
}

const hooks = readSpec('openapi-webhooks')
const webhooks: Record<string, Json> = {}
const webhookSchemas: Record<string, Json> = {}
for (const name of WEBHOOKS) {
  const hook = hooks.webhooks[name]
  if (!hook) throw new Error(`GitHub describes no webhook ${name}.`)
  webhooks[name] = clean(hook.post.requestBody.content['application/json']!.schema)
  gather(hooks, webhooks[name]!, webhookSchemas)
}

const sorted = (map: Record<string, Json>) => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))
const target = join(import.meta.dirname, 'github-schema.json')
writeFileSync(
  target,
  `${JSON.stringify(
    {
      notice: `Cut from @octokit/openapi ${versionOf('openapi')} and @octokit/openapi-webhooks ${versionOf('openapi-webhooks')} (${VERSION}), whose licence follows.`,
      licence: readFileSync(join(packageDir('openapi'), 'LICENSE'), 'utf8'),
      operations,
      restSchemas: sorted(restSchemas),
      webhooks,
      webhookSchemas: sorted(webhookSchemas),
    },
    null,
    1,
  )}\n`,
)
console.log(`${Object.keys(operations).length} operations and ${WEBHOOKS.length} webhooks in ${target}`)
