import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, type ChildHooks, startChild } from './child.ts'
import { findProgram } from './programs.ts'
import { StackError } from './stack-error.ts'

export type QueueChoice = 'auto' | 'redis' | 'postgres'

export interface QueueOptions {
  home: string
  logs: string
  /** `auto`: Redis where it can be had, else PostgreSQL. */
  choice: QueueChoice
  /** An operator's Redis, which is then used as it is. */
  redisUrl?: string
  hooks: ChildHooks
}

/** `redisUrl` is what the apps get as REDIS_URL: a URL, the path of a unix socket, or null for BullMQ's PostgreSQL backend. */
export interface RunningQueue {
  kind: 'redis' | 'postgres'
  redisUrl: string | null
  child: Child | null
}

/** Decides what carries the jobs, and starts a Redis of our own when that is it. */
export async function startQueue(options: QueueOptions): Promise<RunningQueue> {
  if (options.choice === 'postgres') return { kind: 'postgres', redisUrl: null, child: null }
  if (options.redisUrl) return { kind: 'redis', redisUrl: options.redisUrl, child: null }
  const program = findProgram('redis-server')
  if (!program) {
    if (options.choice === 'redis') {
      throw new StackError(
        'Redis was asked for, but redis-server is not installed. On Debian: apt-get install redis-server',
      )
    }
    options.hooks.report.notice(
      'redis-server is not installed: PostgreSQL carries the jobs, about five times slower. On Debian: apt-get install redis-server',
    )
    return { kind: 'postgres', redisUrl: null, child: null }
  }
  const directory = join(options.home, 'redis')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const socket = redisSocket(options.home)
  const child = await startChild(
    {
      name: 'redis',
      command: program,
      // The log is the source of truth after a crash; snapshots would only add writes. `noeviction` is the one policy BullMQ allows.
      args: [
        '--port',
        '0',
        '--unixsocket',
        socket,
        '--unixsocketperm',
        '700',
        '--dir',
        directory,
        '--appendonly',
        'yes',
      ].concat(['--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction', '--daemonize', 'no']),
      cwd: directory,
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
      logFile: join(options.logs, 'redis.log'),
      shown: false,
      ready: () => redisAnswers(socket),
      readyWithinMs: 30_000,
    },
    options.hooks,
  )
  return { kind: 'redis', redisUrl: socket, child }
}

/** The path of our Redis' socket. A unix socket's path holds 107 bytes, so that of a deep home lies in the temporary folder. */
export function redisSocket(home: string): string {
  const path = join(home, 'redis', 'redis.sock')
  if (Buffer.byteLength(path) <= 100) return path
  const directory = join(tmpdir(), `modelport-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return join(directory, 'redis.sock')
}

/** Whether Redis answers a PING on this socket; while it loads its data it answers with an error. */
export function redisAnswers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return Promise.resolve(false)
  return new Promise((done) => {
    const connection = connect(socket)
    const finish = (answer: boolean) => {
      connection.destroy()
      done(answer)
    }
    connection.setTimeout(2_000, () => finish(false))
    connection.once('error', () => finish(false))
    connection.once('data', (data) => finish(data.toString().startsWith('+PONG')))
    connection.once('connect', () => connection.write('PING\r\n'))
  })
}
