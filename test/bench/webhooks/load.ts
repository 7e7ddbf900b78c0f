import { createHmac, randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../measure.ts'
import { pushBody } from './push-body.ts'

// The load, as a process of its own: signed pushes with ids of their own over connections that stay open. Only to
// loopback, and bounded in time and number. Told what to do in its first argument; prints one line of JSON.

export interface LoadOrder {
  port: number
  path: string
  secret: string
  connections: number
  seconds: number
  /** Deliveries a second; null: each connection sends the next when the last is answered. */
  rate: number | null
}
export interface LoadReport {
  answered: number
  good: number
  perSecond: number
  p50: number
  p99: number
  worst: number
}

const maxDeliveries = 200_000

async function main(order: LoadOrder): Promise<LoadReport> {
  const bodies = Array.from({ length: 200 }, (_, i) => Buffer.from(JSON.stringify(pushBody(i))))
  const heads = bodies.map((body) =>
    [
      `POST ${order.path} HTTP/1.1`,
      `host: 127.0.0.1:${order.port}`,
      'content-type: application/json',
      'user-agent: GitHub-Hookshot/bench',
      'x-github-event: push',
      `x-hub-signature-256: sha256=${createHmac('sha256', order.secret).update(body).digest('hex')}`,
      `content-length: ${body.length}`,
      '',
    ].join('\r\n'),
  )
  const lines = await Promise.all(Array.from({ length: order.connections }, () => openLine(order.port)))
  const times: number[] = []
  let good = 0
  let sent = 0
  const begun = performance.now()
  const end = begun + order.seconds * 1000
  const deliver = async (line: Line, due: number) => {
    const i = sent++ % bodies.length
    const head = Buffer.from(`${heads[i]}x-github-delivery: ${randomUUID()}\r\n\r\n`)
    if ((await line.ask(Buffer.concat([head, bodies[i]!]))) === 200) good++
    // From when it was due: a server that stalls makes those behind it wait as well.
    times.push(performance.now() - due)
  }
  if (order.rate === null) {
    await Promise.all(
      lines.map(async (line) => {
        while (performance.now() < end && sent < maxDeliveries) await deliver(line, performance.now())
      }),
    )
  } else {
    const idle = [...lines]
    const waiting: number[] = []
    const running = new Set<Promise<void>>()
    const next = () => {
      while (idle.length > 0 && waiting.length > 0) {
        // In turn: a server closes a connection that is idle for five seconds.
        const line = idle.shift()!
        const work = deliver(line, waiting.shift()!).then(() => {
          running.delete(work)
          idle.push(line)
          next()
        })
        running.add(work)
      }
    }
    for (let n = 0; n < order.rate * order.seconds && n < maxDeliveries; ) {
      const due = begun + (n * 1000) / order.rate
      if (due > performance.now()) {
        await sleep(1)
        continue
      }
      waiting.push(due)
      n++
      next()
    }
    while (running.size > 0 || waiting.length > 0) await Promise.race([...running, sleep(20)])
  }
  const seconds = (performance.now() - begun) / 1000
  for (const line of lines) line.close()
  return {
    answered: times.length,
    good,
    perSecond: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    worst: Math.max(...times),
  }
}

interface Line {
  /** Sends one request and returns the status of its answer. */
  ask(request: Buffer): Promise<number>
  close(): void
}

/** One connection with one request at a time. Node's own client costs more than some of the servers do. */
async function openLine(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  let held = ''
  let answered: ((status: number) => void) | null = null
  let failed: ((error: Error) => void) | null = null
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    held += text
    const headEnd = held.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = held.slice(0, headEnd).toLowerCase()
    const length = /content-length: (\d+)/.exec(head)
    const whole = length ? held.length >= headEnd + 4 + Number(length[1]) : held.endsWith('0\r\n\r\n')
    if (!whole) return
    held = ''
    answered?.(Number(head.slice(9, 12)))
  })
  socket.on('error', (error) => failed?.(error))
  socket.on('close', () => failed?.(new Error('the server closed the connection')))
  return {
    ask: (request) =>
      new Promise<number>((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('the server closed the connection'))
        answered = resolve
        failed = reject
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2]!) as LoadOrder)))
