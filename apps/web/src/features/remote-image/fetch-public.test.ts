import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fetchPublic, isPublicAddress } from '#src/features/remote-image/fetch-public.ts'

it.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '198.18.0.1',
  '::1',
  '::',
  '::ffff:10.0.0.1',
  '::ffff:7f00:1',
  'fe80::1',
  'fc00::1',
  'fd12::1',
  'ff02::1',
  '64:ff9b::a00:1',
  '2002:a00:1::',
  '2001::1',
  '2001:db8::1',
  'localhost',
  '',
])('takes %s for no public address', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

it.each(['1.1.1.1', '140.82.121.3', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])(
  'takes %s for a public one',
  (address) => {
    expect(isPublicAddress(address)).toBe(true)
  },
)

let server: Server
let port: string
const asked: string[] = []
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!)
    if (request.url === '/to-inner') response.writeHead(302, { location: 'http://10.0.0.1/secret' }).end()
    else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
    else if (request.url === '/moved') response.writeHead(301, { location: '/ok' }).end()
    else if (request.url === '/endless') {
      const timer = setInterval(() => response.write(Buffer.alloc(50_000)), 1)
      response.on('close', () => clearInterval(timer))
    } else if (request.url === '/silent') response.writeHead(200)
    else response.end('picture')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = String((server.address() as AddressInfo).port)
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const here = (path: string, host = '127.0.0.1') =>
  fetchPublic(`http://${host}:${port}${path}`, {
    ports: [port, ''],
    allows: (address) => address === '127.0.0.1',
    bytes: 200_000,
    ms: 1500,
  })

it('brings what an address names, by a redirect too, and no more than it may', async () => {
  expect((await here('/ok')).toString()).toBe('picture')
  expect((await here('/moved')).toString()).toBe('picture')
  await expect(here('/loop')).rejects.toThrow('redirects')
  await expect(here('/endless')).rejects.toThrow('too large')
  await expect(here('/silent')).rejects.toThrow()
})

it('asks nothing inside, whatever leads there', async () => {
  await expect(here('/to-inner')).rejects.toThrow('not a public address')
  asked.length = 0
  for (const url of [
    `http://127.0.0.1:${port}/x`,
    'http://127.0.0.1/x',
    'http://localhost/x',
    'http://[::1]/x',
    'http://[::ffff:127.0.0.1]/x',
    'http://2130706433/x',
    'http://0x7f.1/x',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'ftp://example.org/x',
    'http://example.org:22/',
  ])
    await expect((async () => fetchPublic(url))(), url).rejects.toThrow()
  expect(asked).toEqual([])
})
