import { describe, expect, it } from 'vitest'
import {
  type AskGithub,
  appEnvironment,
  appManifest,
  checkGithubApp,
  installationUrls,
  neededEvents,
  neededPermissions,
} from './github-app.ts'
import { isSetupProof, makeSetupProof } from './setup-link.ts'

const urls = installationUrls('https://models.example', null)
const configured = { apiUrl: 'https://api.github.com', appId: '7', clientId: 'Iv1.a', webhookUrl: urls.webhook }
const permissions = Object.fromEntries(neededPermissions.map(({ name, level }) => [name, level]))
const good: Record<string, { status: number; body: unknown }> = {
  '/app': {
    status: 200,
    body: {
      id: 7,
      slug: 'modelport-x',
      html_url: 'https://github.com/apps/modelport-x',
      client_id: 'Iv1.a',
      permissions,
      events: neededEvents.map(({ name }) => name),
    },
  },
  '/app/installations?per_page=100': {
    status: 200,
    body: [{ account: { login: 'alice' }, html_url: 'https://github.com/i/1', suspended_at: null, permissions }],
  },
  '/app/hook/config': { status: 200, body: { url: urls.webhook, content_type: 'json', insecure_ssl: '0' } },
  '/app/hook/deliveries?per_page=1': {
    status: 200,
    body: [{ id: 1, guid: 'g', event: 'ping', delivered_at: '2026-11-20T00:00:00Z', status_code: 200 }],
  },
}
const github =
  (changes: Record<string, { status: number; body: unknown }> = {}): AskGithub =>
  async (path) =>
    ({ ...good, ...changes })[path]!
const app = (change: object) => ({ '/app': { status: 200, body: { ...(good['/app']!.body as object), ...change } } })
const delivered = (status_code: number) => ({
  '/app/hook/deliveries?per_page=1': {
    status: 200,
    body: [{ ...(good['/app/hook/deliveries?per_page=1']!.body as object[])[0], status_code }],
  },
})

describe('the checks of a GitHub App', () => {
  it('find nothing wrong with what the manifest makes', async () => {
    const manifest = appManifest(urls, 'Modelport', 'https://models.example/admin/connect/done')
    const made = app({ permissions: manifest.default_permissions, events: manifest.default_events })
    const findings = await checkGithubApp(github(made), configured)
    expect(findings.map(({ verdict }) => verdict)).toEqual(findings.map(() => 'fine'))
    expect(manifest.hook_attributes.url).toBe('https://models.example/hooks/github')
  })

  it.each([
    ['a key of another app', { '/app': { status: 401, body: null } }, 'App id and key', 'GITHUB_PRIVATE_KEY'],
    ['another client id', app({ client_id: 'Iv1.b' }), 'Sign-in', 'GITHUB_CLIENT_ID=Iv1.b'],
    [
      'a permission that is too low',
      app({ permissions: { ...permissions, checks: 'read' } }),
      'Permissions',
      'give them on',
    ],
    ['an event that is missing', app({ events: ['push'] }), 'Events', 'subscribe'],
    [
      'permissions that nobody accepted',
      {
        '/app/installations?per_page=100': {
          status: 200,
          body: [{ account: { login: 'alice' }, html_url: 'https://github.com/i/1', permissions: {} }],
        },
      },
      'Granted permissions',
      'https://github.com/i/1',
    ],
    [
      'another webhook address',
      { '/app/hook/config': { status: 200, body: { url: 'https://old.example', content_type: 'json' } } },
      'Webhook address',
      urls.webhook,
    ],
    [
      'webhooks as forms',
      { '/app/hook/config': { status: 200, body: { url: urls.webhook, content_type: 'form' } } },
      'Webhook address',
      'application/json',
    ],
    [
      'a certificate that is not verified',
      { '/app/hook/config': { status: 200, body: { url: urls.webhook, content_type: 'json', insecure_ssl: '1' } } },
      'Webhook address',
      'SSL',
    ],
    ['another secret', delivered(401), 'Webhook delivery', 'GITHUB_WEBHOOK_SECRET'],
    ['a proxy that leads elsewhere', delivered(404), 'Webhook delivery', '/hooks/github'],
    ['a receiver that fails', delivered(500), 'Webhook delivery', 'log'],
    ['a receiver that is away', delivered(502), 'Webhook delivery', 'start the receiver'],
  ])('say of %s what is wrong and how it is mended', async (_, changes, what, mend) => {
    const wrong = (await checkGithubApp(github(changes), configured)).filter(({ verdict }) => verdict === 'wrong')
    expect(wrong.map((finding) => finding.what)).toEqual([what])
    expect(wrong[0]!.mend).toContain(mend)
  })

  it('say that GitHub is not reached, and what is not known yet', async () => {
    const away = await checkGithubApp(async () => Promise.reject(new Error('getaddrinfo ENOTFOUND')), configured)
    expect(away).toMatchObject([{ what: 'GitHub', verdict: 'wrong', detail: expect.stringContaining('ENOTFOUND') }])
    const fresh = await checkGithubApp(
      github({
        '/app/installations?per_page=100': { status: 200, body: [] },
        '/app/hook/deliveries?per_page=1': { status: 200, body: [] },
      }),
      configured,
    )
    expect(fresh.filter(({ verdict }) => verdict === 'unknown').map(({ what }) => what)).toEqual([
      'Installations',
      'Webhook delivery',
    ])
  })

  it('write the keys as lines that Node reads back', () => {
    const pem = '-----BEGIN RSA PRIVATE KEY-----\nab\ncd\n-----END RSA PRIVATE KEY-----\n'
    const lines = appEnvironment(
      {
        id: 7,
        slug: 'x',
        html_url: 'https://github.com/apps/x',
        client_id: 'c',
        client_secret: 's',
        webhook_secret: 'w',
        pem,
      },
      { webUrl: 'https://github.com', apiUrl: 'https://api.github.com' },
    )
    expect(lines.split('\n')).toHaveLength(8)
    expect(lines).toContain(
      'GITHUB_PRIVATE_KEY="-----BEGIN RSA PRIVATE KEY-----\\nab\\ncd\\n-----END RSA PRIVATE KEY-----"',
    )
  })
})

it('a setup link proves the key of its installation for an hour', () => {
  const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const proof = makeSetupProof(key, 0)
  expect(isSetupProof(key, proof, 3_599_000)).toBe(true)
  expect(isSetupProof(key, proof, 3_601_000)).toBe(false)
  expect(isSetupProof(other, proof, 0)).toBe(false)
  const [end, signature] = proof.split('.')
  expect(isSetupProof(key, `${Number(end) + 1}.${signature}`, 0)).toBe(false)
  for (const wrong of ['', '.', 'x', `${end}.`, `${end}`]) expect(isSetupProof(key, wrong, 0)).toBe(false)
})
