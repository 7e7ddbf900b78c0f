import { randomBytes } from 'node:crypto'
import Docker from 'dockerode'
import WebSocket from 'ws'
import { until } from './world.ts'

/** A model that runs as its users run it. */
export interface RunningModel {
  url: string
  call(command: string, inputs: unknown): Promise<{ status: number; body: unknown }>
  /** The same command as a WebSocket job: the messages from `started` to the last. */
  job(command: string, inputData: unknown): Promise<JobMessage[]>
  stop(): Promise<void>
}

export interface JobMessage {
  type: 'started' | 'output' | 'succeeded' | 'failed' | 'cancelled'
  id: string
  outputData?: Record<string, unknown>
  error?: string
}

/** `docker run -p 9000` of a published image, until it answers `/healthcheck`. */
export async function runImage(
  image: string,
  socketPath: string,
  options: Record<string, unknown> | null = null,
): Promise<RunningModel> {
  const docker = new Docker({ socketPath })
  await pullImage(docker, image)
  const container = await docker.createContainer({
    name: `modelport-test-run-${randomBytes(4).toString('hex')}`,
    Image: image,
    Env: options ? [`RW_MODEL_OPTIONS=${JSON.stringify(options)}`] : [],
    ExposedPorts: { '9000/tcp': {} },
    HostConfig: {
      PortBindings: { '9000/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }] },
      Memory: 2 * 2 ** 30,
    },
  })
  await container.start()
  const port = (await container.inspect()).NetworkSettings.Ports['9000/tcp']![0]!.HostPort
  const url = `http://127.0.0.1:${port}`
  const model: RunningModel = {
    url,
    async call(command, inputs) {
      const response = await fetch(`${url}/${command}`, {
        method: 'POST',
        body: JSON.stringify(inputs),
        signal: AbortSignal.timeout(60_000),
      })
      return { status: response.status, body: await response.json() }
    },
    job(command, inputData) {
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(url.replace('http:', 'ws:'))
        const messages: JobMessage[] = []
        socket.on('open', () => socket.send(JSON.stringify({ type: 'submit', command, inputData })))
        socket.on('error', reject)
        socket.on('message', (data) => {
          const message = JSON.parse(String(data)) as JobMessage
          messages.push(message)
          if (['succeeded', 'failed', 'cancelled'].includes(message.type)) {
            socket.close()
            resolve(messages)
          }
        })
      })
    },
    async stop() {
      await container.remove({ force: true, v: true }).catch(() => undefined)
    },
  }
  try {
    await until(
      async () => {
        const health = await fetch(`${url}/healthcheck`, { signal: AbortSignal.timeout(5000) }).catch(() => null)
        return health?.ok && ((await health.json()) as { status: string }).status === 'RUNNING'
      },
      60_000,
      `${image} to run`,
    )
  } catch (error) {
    // What the model said is all that tells why it does not answer.
    const { State } = await container.inspect()
    const said = await container.logs({ stdout: true, stderr: true, tail: 40 })
    await model.stop()
    throw new Error(`${(error as Error).message}; ${JSON.stringify(State)}; it printed:\n${said.toString('latin1')}`, {
      cause: error,
    })
  }
  return model
}

/**
 * Pulls what an image registry holds, as `docker run` does; an image id is there already. The worker's engine is this one,
 * and lets go of its own names of a new image about now: the engine then may drop the image between the end of a pull and
 * its first use, so it is looked for and pulled again.
 */
export async function pullImage(docker: Docker, image: string): Promise<void> {
  if (!image.includes('/')) return
  await until(
    async () => {
      const pulling = await docker.pull(image)
      await new Promise<void>((resolve, reject) =>
        docker.modem.followProgress(pulling, (error) => (error ? reject(error) : resolve())),
      )
      return docker
        .getImage(image)
        .inspect()
        .catch(() => null)
    },
    30_000,
    `${image} to stay after its pull`,
  )
}
