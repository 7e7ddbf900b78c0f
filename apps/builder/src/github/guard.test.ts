import { createHmac } from 'node:crypto'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readVerifiedBody } from './guard.ts'

const secret = 'a secret of the test'
const sign = (body: Buffer | string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
let server: Server
let passed: Buffer[] = []

beforeAll(async () => {
  server = createServer(async (req, res) => {
    const body = await readVerifiedBody(req, res, secret)
    if (!body) return
    passed.push(body.bytes)
    res.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** Sends a body in pieces and tells the answer's status; 0 when the connection was cut before one. */
function post(body: Buffer | string, headers: Record<string, string>, pieces = 1): Promise<number> {
  passed = []
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo
    const req = request({ port, host: '127.0.0.1', method: 'POST', headers }, (res) => {
      res.resume()
      resolve(res.statusCode ?? 0)
    })
    req.on('error', () => resolve(0))
    const bytes = Buffer.from(body)
    const step = Math.ceil(bytes.length / pieces)
    for (let from = 0; from < bytes.length; from += step) req.write(bytes.subarray(from, from + step))
    req.end()
  })
}

describe('the guard', () => {
  it('lets a signed body through as it arrived', async () => {
    const body = '{"a":"\\u00e9"}\r\n'
    expect(await post(body, { 'x-hub-signature-256': sign(body) }, 3)).toBe(200)
    expect(passed[0]?.toString()).toBe(body)
  })
  const body = '{"ok":true}'
  it.each([
    ['no signature', {}],
    ['sha1 only', { 'x-hub-signature': sign(body) }],
    ['another secret', { 'x-hub-signature-256': `sha256=${createHmac('sha256', 'x').update(body).digest('hex')}` }],
    ['the signature of an empty body', { 'x-hub-signature-256': sign('') }],
    ['upper case', { 'x-hub-signature-256': sign(body).toUpperCase() }],
    ['too short', { 'x-hub-signature-256': sign(body).slice(0, 40) }],
    ['not ASCII', { 'x-hub-signature-256': `${sign(body).slice(0, -1)}\u00e9` }],
    ['empty', { 'x-hub-signature-256': '' }],
  ])('refuses %s', async (_, headers) => {
    expect(await post(body, headers as Record<string, string>)).toBe(401)
    expect(passed).toHaveLength(0)
  })
  it('refuses a body with one byte changed', async () => {
    expect(await post('{"ok":truE}', { 'x-hub-signature-256': sign(body) })).toBe(401)
  })
  it('refuses a body over the limit, by its announced length and by counting', async () => {
    const big = Buffer.alloc(27 * 2 ** 20)
    expect([413, 0]).toContain(
      await post(big, { 'content-length': String(big.length), 'x-hub-signature-256': sign(big) }),
    )
    expect([413, 0]).toContain(
      await post(big, { 'transfer-encoding': 'chunked', 'x-hub-signature-256': sign(big) }, 30),
    )
    expect(passed).toHaveLength(0)
  })
})
