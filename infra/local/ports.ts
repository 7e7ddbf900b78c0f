import { createServer } from 'node:net'
import { StackError } from './stack-error.ts'

/** Every port of the local stack: its default, what it serves, and how its flag and variable are called. */
export const portTable = {
  web: { default: 3000, serves: 'the site', flag: '--web-port', variable: 'WEB_PORT' },
  imageRegistry: {
    default: 3050,
    serves: 'the image registry',
    flag: '--image-registry-port',
    variable: 'IMAGE_REGISTRY_PORT',
  },
  imagePush: {
    default: 3051,
    serves: 'pushes to the image registry',
    flag: '--image-push-port',
    variable: 'IMAGE_PUSH_PORT',
  },
  postgres: { default: 3054, serves: 'PostgreSQL', flag: '--postgres-port', variable: 'POSTGRES_PORT' },
  localS3: { default: 3060, serves: 'the object store', flag: '--local-s3-port', variable: 'LOCAL_S3_PORT' },
  receiver: { default: 3070, serves: 'the receiver of webhooks', flag: '--receiver-port', variable: 'RECEIVER_PORT' },
  worker: {
    default: 3071,
    serves: 'the health page of the build worker',
    flag: '--worker-port',
    variable: 'WORKER_PORT',
  },
  localGithub: {
    default: 3080,
    serves: 'the local GitHub',
    flag: '--local-github-port',
    variable: 'LOCAL_GITHUB_PORT',
  },
} as const

export type PortName = keyof typeof portTable
export type Ports = Record<PortName, number>
export const portNames = Object.keys(portTable) as PortName[]

export const defaultPorts = Object.fromEntries(portNames.map((name) => [name, portTable[name].default])) as Ports

/** Refuses a port that something else listens on, with a sentence that names the port, what wants it and how to change it. */
export async function requireFreePort(name: PortName, port: number): Promise<void> {
  if (await portIsFree(port)) return
  const { serves, flag, variable } = portTable[name]
  throw new StackError(
    `Port ${port} is in use by another program, and ${serves} wants it. Stop that program, or choose another port: npm start -- ${flag} ${port + 1} (or ${variable}=${port + 1}).`,
  )
}

/** Whether nothing listens on this port of 127.0.0.1. */
export async function portIsFree(port: number): Promise<boolean> {
  const opened = await listen(port)
  opened?.close()
  return opened !== null
}

/** One free port for each name, for stacks that run beside others. */
export async function freePorts(): Promise<Ports> {
  // All are held open together, so that no port is handed out twice.
  const servers = await Promise.all(portNames.map(() => listen(0)))
  const ports = servers.map((server) => server!.port)
  for (const server of servers) server!.close()
  return Object.fromEntries(portNames.map((name, i) => [name, ports[i]!])) as Ports
}

function listen(port: number): Promise<{ port: number; close(): void } | null> {
  return new Promise((done, fail) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') done(null)
      else if (error.code === 'EACCES')
        fail(new StackError(`Port ${port} may not be opened by this user; choose one above 1023.`))
      else fail(error)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address() as { port: number }
      done({ port: address.port, close: () => void server.close() })
    })
  })
}
