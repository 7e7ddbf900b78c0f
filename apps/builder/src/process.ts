import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from './config.ts'
import { described, type Logger } from './log.ts'

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

/** Does `work` now and every `ms` milliseconds until `signal` aborts. A time that fails is logged; the next one tries again. */
export async function regularly(
  room: { log: Logger; signal: AbortSignal },
  ms: number,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!room.signal.aborted) {
    try {
      await work()
    } catch (error) {
      room.log.warn({ what, ...described(error) }, 'regular work failed; the next time tries again')
    }
    await pause(ms, room.signal)
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Starts an HTTP server whose handlers cannot end the process: what they throw is logged and answered with 500. */
export async function listen(
  host: string,
  port: number,
  log: Logger,
  handle: Handler,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      log.error(described(error), 'a request failed')
      if (!response.headersSent) answer(response, 500, 'something failed on our side\n')
      else response.destroy()
    })
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return { server, port: (server.address() as AddressInfo).port }
}

export function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  response.end(text)
}

/** Stops taking requests, lets those in flight end, and drops idle keep-alive connections, which would hold it for seconds. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const again = setInterval(() => server.closeIdleConnections(), 50)
  const force = setTimeout(() => server.closeAllConnections(), 10_000)
  await closed
  clearInterval(again)
  clearTimeout(force)
}

/**
 * Runs a process: `start` returns what stops it. SIGTERM and SIGINT stop it once; a second one ends it at once.
 * A bad environment is one sentence and exit code 2; anything else that is thrown is logged and exit code 1.
 */
export function runProcess(log: Logger, start: () => Promise<() => Promise<void>>): void {
  process.on('unhandledRejection', (error) => {
    log.fatal(described(error), 'a promise was rejected and nobody heard it')
    process.exit(1)
  })
  start().then(
    (stop) => {
      let stopping = false
      const end = (signal: string) => {
        if (stopping) process.exit(130)
        stopping = true
        log.info({ signal }, 'stopping')
        stop().then(
          () => process.exit(0),
          (error) => {
            log.error(described(error), 'stopping failed')
            process.exit(1)
          },
        )
      }
      process.on('SIGTERM', () => end('SIGTERM'))
      process.on('SIGINT', () => end('SIGINT'))
    },
    (error) => {
      if (error instanceof ConfigError) {
        process.stderr.write(`${error.message}\n`)
        process.exit(2)
      }
      log.fatal(described(error), 'could not start')
      process.exit(1)
    },
  )
}
