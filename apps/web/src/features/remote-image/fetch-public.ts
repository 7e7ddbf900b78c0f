import { type LookupAddress, lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP, isIPv6 } from 'node:net'

const notPublic = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(net, bits)
// Of IPv6 only 2000::/3 is given out to anybody, and these parts of it lead to other networks or nowhere.
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  notPublic.addSubnet(net, bits, 'ipv6')

/** Whether an address is one of the internet, and none of this machine, its network or a special range. */
export function isPublicAddress(address: string): boolean {
  if (isIPv6(address)) return /^[23][0-9a-f]{3}:/i.test(address) && !notPublic.check(address, 'ipv6')
  return isIP(address) === 4 && !notPublic.check(address)
}

export interface FetchLimits {
  bytes: number
  ms: number
  redirects: number
  /** Tests let their own machine in. */
  allows: (address: string) => boolean
  /** Ports that are asked; others are somebody's inner services. */
  ports: readonly string[]
}

const defaults: FetchLimits = {
  bytes: 5 * 1024 * 1024,
  ms: 10_000,
  redirects: 3,
  allows: isPublicAddress,
  ports: ['', '80', '443'],
}

/**
 * Fetches what a stranger's address names, from the internet alone. A name is resolved once, and the connection goes to
 * what was checked; each redirect is checked again. Throws where it is refused, too large or too slow.
 */
export async function fetchPublic(address: string, limits: Partial<FetchLimits> = {}): Promise<Buffer> {
  const all = { ...defaults, ...limits }
  const signal = AbortSignal.timeout(all.ms)
  let url = new URL(address)
  for (let left = all.redirects; ; left--) {
    const answer = await ask(url, all, signal)
    if (Buffer.isBuffer(answer)) return answer
    if (left === 0) throw new Error('too many redirects')
    url = new URL(answer.location, url)
  }
}

function ask(url: URL, limits: FetchLimits, signal: AbortSignal): Promise<Buffer | { location: string }> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('not an http address')
  if (!limits.ports.includes(url.port)) throw new Error('a port that is not asked')
  // An address that is no name is not looked up.
  if (isIP(host) && !limits.allows(host)) throw new Error('not a public address')
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        signal,
        agent: false,
        headers: { accept: 'image/*', 'user-agent': 'Modelport' },
        lookup: (name, _options, done) =>
          lookup(name, { all: true }, (error, found) => {
            if (error) return done(error, [])
            // One bad address among them is enough: a name that has both is a trap.
            if (found.length === 0 || !found.every((one) => limits.allows(one.address)))
              return done(new Error('not a public address'), [])
            done(null, found as LookupAddress[])
          }),
      },
      (response) => {
        const { statusCode = 0, headers } = response
        if (statusCode >= 300 && statusCode < 400 && headers.location) {
          response.destroy()
          return resolve({ location: headers.location })
        }
        if (statusCode !== 200 || Number(headers['content-length'] ?? 0) > limits.bytes) {
          response.destroy()
          return reject(new Error(statusCode === 200 ? 'too large' : `status ${statusCode}`))
        }
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          bytes += chunk.length
          if (bytes > limits.bytes) response.destroy(new Error('too large'))
        })
        response.on('error', reject)
        response.on('end', () => resolve(Buffer.concat(chunks)))
      },
    )
    request.on('error', reject)
    request.end()
  })
}
