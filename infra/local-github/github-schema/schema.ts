import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

type Schemas = Record<string, object | null>

interface Cut {
  operations: Record<string, Record<string, object | null>>
  restSchemas: Schemas
  webhooks: Schemas
  webhookSchemas: Schemas
}

/** GitHub's published description of its answers and webhooks, ready to judge ours. */
export class GithubSchema {
  readonly #cut: Cut
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #compiled = new Map<string, ValidateFunction>()

  constructor() {
    this.#cut = JSON.parse(readFileSync(join(import.meta.dirname, 'github-schema.json'), 'utf8')) as Cut
    addFormats.default(this.#ajv)
    this.#ajv.addFormat('repo.nwo', true)
    this.#ajv.addFormat('timestamp', true)
    // Git takes any text for an address, and so does GitHub.
    this.#ajv.addFormat('email', true)
    this.#ajv.addSchema({ $id: 'rest', components: { schemas: this.#cut.restSchemas } })
    this.#ajv.addSchema({ $id: 'webhooks', components: { schemas: this.#cut.webhookSchemas } })
  }

  /** The operations that GitHub describes, as `GET /repos/{}/{}`. */
  get operations(): string[] {
    return Object.keys(this.#cut.operations)
  }

  get webhooks(): string[] {
    return Object.keys(this.#cut.webhooks)
  }

  /** What is wrong with an answer; an undocumented status is wrong too. */
  faultsOfAnswer(operation: string, status: number, body: unknown): string[] {
    const answers = this.#cut.operations[operation]
    if (!answers) return [`GitHub describes no ${operation}`]
    if (!(String(status) in answers)) return [`GitHub describes no ${status} of ${operation}`]
    const schema = answers[String(status)]
    if (!schema) return body === '' ? [] : [`GitHub sends no body with ${status} of ${operation}`]
    return this.#faults(`rest ${operation} ${status}`, schema, 'rest', body)
  }

  /** What is wrong with a webhook's payload. */
  faultsOfWebhook(name: string, payload: unknown): string[] {
    const schema = this.#cut.webhooks[name]
    return schema ? this.#faults(`webhook ${name}`, schema, 'webhooks', payload) : [`the cut holds no webhook ${name}`]
  }

  #faults(key: string, schema: object, id: string, value: unknown): string[] {
    let validate = this.#compiled.get(key)
    if (!validate) {
      validate = this.#ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', `"${id}#/components/`)) as object)
      this.#compiled.set(key, validate)
    }
    if (validate(value)) return []
    return (validate.errors ?? []).map((error) => `${key}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`)
  }
}
