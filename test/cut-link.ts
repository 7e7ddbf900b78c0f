import { createServer, type Server, Socket } from 'node:net'

/** A link to a server on this machine that a test can cut, as a train does in a tunnel. */
export interface Link {
  port: number
  /** Bytes that went towards the server, in all connections. */
  sent(): number
  cuts(): number
  close(): Promise<void>
}

export interface LinkOptions {
  /** Where the server is; asked for each connection, for it may not be known yet when the link is made. */
  target: () => { host: string; port: number }
  /** The link is cut when so many bytes have gone over it; each place once. */
  cutAt?: readonly number[]
  /** For so long nobody gets through then. */
  deadMs?: number
  /** Bytes a second towards the server; as fast as it goes when left out. */
  bytesPerSecond?: number
}

/** Listens on `port` and passes on what comes, until it is cut: all connections are reset then, whatever they carry. */
export async function openLink(port: number, options: LinkOptions): Promise<Link> {
  const { target, deadMs = 1500, bytesPerSecond } = options
  const cutAt = [...(options.cutAt ?? [])].sort((a, b) => a - b)
  const open = new Set<Socket>()
  let sent = 0
  let cuts = 0
  let deadUntil = 0
  const cut = () => {
    cuts++
    deadUntil = Date.now() + deadMs
    for (const socket of open) socket.resetAndDestroy()
  }
  const server: Server = createServer((near) => {
    if (Date.now() < deadUntil) return near.resetAndDestroy()
    const far = new Socket()
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    far.connect(target())
    far.pipe(near)
    near.on('data', (bytes) => {
      sent += bytes.length
      if (cutAt.length > 0 && sent >= cutAt[0]!) {
        cutAt.shift()
        return cut()
      }
      const full = !far.write(bytes)
      const pauseMs = bytesPerSecond ? (bytes.length / bytesPerSecond) * 1000 : 0
      if (!full && pauseMs < 1) return
      near.pause()
      if (pauseMs >= 1) setTimeout(() => near.resume(), pauseMs)
      else far.once('drain', () => near.resume())
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port,
    sent: () => sent,
    cuts: () => cuts,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
