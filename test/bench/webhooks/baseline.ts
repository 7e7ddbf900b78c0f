import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createNodeMiddleware, createProbot } from 'probot'

// What our receiver is held against, as a process of its own: `bare` checks the signature and parses the body; `probot`
// is an app without a handler. Neither keeps anything.
const [kind, port] = process.argv.slice(2)
const secret = process.env.GITHUB_WEBHOOK_SECRET!

async function handlerOf(): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  if (kind === 'bare') return bare
  const probot = createProbot({
    env: { APP_ID: '1', PRIVATE_KEY: process.env.GITHUB_PRIVATE_KEY!, WEBHOOK_SECRET: secret, LOG_LEVEL: 'fatal' },
  })
  const middleware = await createNodeMiddleware(() => {}, { probot, webhooksPath: '/hooks/github' })
  return async (request, response) => {
    // It leaves what is not a webhook to others.
    if (!(await middleware(request, response))) response.writeHead(404).end()
  }
}

async function bare(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`)
  const given = Buffer.from(String(request.headers['x-hub-signature-256']))
  const isGood = given.length === expected.length && timingSafeEqual(given, expected)
  if (isGood) JSON.parse(bytes.toString())
  response.writeHead(isGood ? 200 : 401, { 'content-length': '3' }).end('ok\n')
}

const handle = await handlerOf()
const server = createServer((request, response) => void handle(request, response))
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
