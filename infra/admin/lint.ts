import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCatalogue } from '@modelport/schema/catalogues/read-catalogue'
import { describeMissingConfig, isMisnamed } from '@modelport/schema/missing-config'
import { parseModelConfig, verdictOf } from '@modelport/schema/model-config'
import { configLimits } from '@modelport/schema/model-config/limits'
import type { Problem } from '@modelport/schema/model-config/problem'
import { SubstitutionPolicy } from '@modelport/schema/words'

const usage = `Usage: npm run --silent admin -- lint FILE [--json] [--policy exact|nearest] [--catalogue upstream|debian|PATH]
FILE is a runway.yml or a directory that holds one. Exit status: 0 accepted or warned, 1 rejected, 2 not judged.`

/** Judges a `runway.yml` as a build would, under `exact` against the upstream catalogue unless told otherwise. */
export async function lint(argv: readonly string[]): Promise<number> {
  let request: Awaited<ReturnType<typeof readRequest>>
  let problems: Problem[]
  try {
    request = await readRequest(argv)
    problems = judge(request.file, request.options)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return 2
  }
  const verdict = verdictOf(problems)
  if (request.json) console.log(JSON.stringify({ verdict, problems }))
  else console.log([...problems.map(({ severity, sentence }) => `${severity}: ${sentence}`), verdict].join('\n'))
  return verdict === 'rejected' ? 1 : 0
}

async function readRequest(argv: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      policy: { type: 'string', default: 'exact' },
      catalogue: { type: 'string', default: 'upstream' },
    },
  })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new Error('Name one FILE.')
  const policy = SubstitutionPolicy.safeParse(values.policy)
  if (!policy.success) throw new Error(`The policy is exact or nearest, not ${values.policy}.`)
  return { file, json: values.json, options: { policy: policy.data, catalogue: await readCatalogue(values.catalogue) } }
}

function judge(path: string, options: Parameters<typeof parseModelConfig>[1]): Problem[] {
  const isDirectory = statSync(path).isDirectory()
  const names = isDirectory ? readdirSync(path) : [basename(path)]
  const file = isDirectory ? join(path, 'runway.yml') : path
  if (isDirectory && !names.includes('runway.yml')) return [missing(names)]
  const { problems } = parseModelConfig(readBounded(file), options)
  return !isDirectory && names.some(isMisnamed) ? [missing(names), ...problems] : problems
}

function missing(names: readonly string[]): Problem {
  return {
    ...describeMissingConfig(names),
    severity: 'error',
    line: 1,
    column: 1,
    path: '',
    value: null,
    allowed: 'runway.yml',
  }
}

/** One byte more than the limit tells that a file is too large. */
function readBounded(file: string): Uint8Array {
  const descriptor = openSync(file, 'r')
  try {
    const buffer = new Uint8Array(configLimits.bytes + 1)
    let length = 0
    for (;;) {
      const read = readSync(descriptor, buffer, length, buffer.length - length, null)
      length += read
      if (read === 0 || length === buffer.length) return buffer.subarray(0, length)
    }
  } finally {
    closeSync(descriptor)
  }
}
