import { parseArgs } from 'node:util'
import { SubstitutionPolicy } from '@modelport/schema/words'
import { allApps } from './apps.ts'
import { readObjectStore } from './object-store.ts'
import { type Ports, portNames, portTable } from './ports.ts'
import { StackError } from './stack-error.ts'
import type { StackOptions } from './supervisor.ts'

/** What `npm start` was asked for. */
export interface StartOptions {
  stack: StackOptions
  examples: boolean
  help: boolean
}

export const usage = `npm start -- [options]

  --no-examples           do not publish the example models on a first start
  --no-web                start everything but the site
  --policy NAME           nearest or exact: what happens when a base image or package cannot be had (nearest)
  --queue NAME            auto, redis or postgres
  --no-engine             do not look for a Docker engine
${portNames.map((name) => `  ${`${portTable[name].flag} N`.padEnd(24)}port of ${portTable[name].serves} (or ${portTable[name].variable}; ${portTable[name].default})`).join('\n')}

MODELPORT_HOME (default .modelport) holds all state. DATABASE_URL, REDIS_URL, S3_ENDPOINT (with S3_BUCKET, S3_ACCESS_KEY_ID and
S3_SECRET_ACCESS_KEY) and DOCKER_HOST name servers to use instead of our own.`

/** Reads flags and environment; a flag wins over its variable. */
export function readStartOptions(argv: string[], env: NodeJS.ProcessEnv): StartOptions {
  const flags = readFlags(argv)
  const policy = SubstitutionPolicy.safeParse(flags.policy ?? env.SUBSTITUTION_POLICY ?? 'nearest')
  if (!policy.success)
    throw new StackError(`--policy is exact or nearest, not "${flags.policy ?? env.SUBSTITUTION_POLICY}".`)
  const queue = flags.queue ?? 'auto'
  if (queue !== 'auto' && queue !== 'redis' && queue !== 'postgres') {
    throw new StackError(`--queue is auto, redis or postgres, not "${queue}".`)
  }
  return {
    examples: !flags['no-examples'],
    help: flags.help === true,
    stack: {
      home: env.MODELPORT_HOME || undefined,
      ports: readPorts(flags, env),
      apps: flags['no-web'] ? allApps.filter((app) => app.name !== 'web') : allApps,
      queue,
      engine: flags['no-engine'] ? 'none' : 'start',
      policy: policy.data,
      databaseUrl: env.DATABASE_URL || undefined,
      redisUrl: env.REDIS_URL || undefined,
      objectStore: readObjectStore(env),
      dockerHost: env.DOCKER_HOST || undefined,
    },
  }
}

type Flags = Record<string, string | boolean | undefined> & { policy?: string; queue?: string }

function readFlags(argv: string[]): Flags {
  const switches = ['no-examples', 'no-web', 'no-engine', 'help']
  const values = ['policy', 'queue', ...portNames.map((name) => portTable[name].flag.slice(2))]
  try {
    return parseArgs({
      args: argv,
      options: {
        ...Object.fromEntries(switches.map((name) => [name, { type: 'boolean' as const }])),
        ...Object.fromEntries(values.map((name) => [name, { type: 'string' as const }])),
      },
    }).values as Flags
  } catch (error) {
    throw new StackError(`${(error as Error).message.split('. ')[0]}.\n\n${usage}`)
  }
}

function readPorts(flags: Flags, env: NodeJS.ProcessEnv): Partial<Ports> {
  const ports: Partial<Ports> = {}
  const owners = new Map<number, string>()
  for (const name of portNames) {
    const { flag, variable } = portTable[name]
    const given = flags[flag.slice(2)] ?? (env[variable] || undefined)
    const port = given === undefined ? portTable[name].default : Number(given)
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new StackError(`${flag} (or ${variable}) is a port from 1 to 65535, not "${given}".`)
    }
    const owner = owners.get(port)
    if (owner)
      throw new StackError(`${owner} and ${portTable[name].serves} cannot share port ${port}; change one with ${flag}.`)
    owners.set(port, portTable[name].serves)
    ports[name] = port
  }
  return ports
}
