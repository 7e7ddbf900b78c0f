import { createHash, createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { makeWebhookHandler, type ReceivedWebhook } from './app.ts'

const webhookSecret = 'a secret of the test'
let server: Server
let received: ReceivedWebhook[]
let accept: () => Promise<void>

beforeAll(async () => {
  const handle = makeWebhookHandler({
    webhookSecret,
    log: pino({ level: 'silent' }),
    accept: async (webhook) => {
      received.push(webhook)
      await accept()
    },
  })
  server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
})
afterAll(() => new Promise((closed) => server.close(closed)))
beforeEach(() => {
  received = []
  accept = async () => {}
})

const message = '{"action":"created","installation":{"id":7}}'
const headers = { 'content-type': 'application/json', 'x-github-delivery': 'guid-1', 'x-github-event': 'installation' }
function post(body: string, changes: Record<string, string | undefined> = {}): Promise<Response> {
  const { port } = server.address() as AddressInfo
  const signature = `sha256=${createHmac('sha256', webhookSecret).update(body).digest('hex')}`
  const all = { ...headers, 'x-hub-signature-256': signature, ...changes }
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return fetch(`http://127.0.0.1:${port}/hooks/github`, { method: 'POST', body, headers: given })
}

it('hands on what is signed, with the hash of the bytes that arrived', async () => {
  expect((await post(message)).status).toBe(200)
  expect(received).toEqual([
    {
      guid: 'guid-1',
      event: 'installation',
      bodySha256: createHash('sha256').update(message).digest('hex'),
      payload: { action: 'created', installation: { id: 7 } },
    },
  ])
})

it('answers good only when the message is stored', async () => {
  let store = () => {}
  accept = () => new Promise((stored) => (store = stored))
  let answered = false
  const answer = post(message).then((response) => {
    answered = true
    return response
  })
  while (received.length === 0) await new Promise((soon) => setTimeout(soon, 5))
  await new Promise((later) => setTimeout(later, 50))
  expect(answered).toBe(false)
  store()
  expect((await answer).status).toBe(200)
})

it('answers 500 without a word of the reason when it could not be stored', async () => {
  accept = () => Promise.reject(new Error('password "hunter2" was refused'))
  const answer = await post(message)
  expect(answer.status).toBe(500)
  expect(await answer.text()).toBe('the delivery could not be stored; send it again\n')
})

it.each([
  ['another type', message, { 'content-type': 'application/x-www-form-urlencoded' }],
  ['no delivery id', message, { 'x-github-delivery': undefined }],
  ['no event', message, { 'x-github-event': undefined }],
  ['a body that is not JSON', '{"action":', {}],
  ['a list', '[]', {}],
  ['nothing', 'null', {}],
])('refuses %s', async (_what, body, changes) => {
  expect((await post(body, changes)).status).toBe(400)
  expect(received).toEqual([])
})

it('refuses a wrong signature before it looks at anything else', async () => {
  expect((await post(message, { 'x-hub-signature-256': 'sha256=00', 'content-type': 'text/plain' })).status).toBe(401)
})
