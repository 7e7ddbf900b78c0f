import { TestGithub } from '@modelport/infra/local-github/testing'
import { type appManifest, ManifestConversion } from '@modelport/schema/github-app'
import { makeSetupProof } from '@modelport/schema/setup-link'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openTestSite, type TestSite } from '#src/api/test-site.ts'
import { connectGithub } from '#src/auth/github.ts'
import { context, replaceContext } from '#src/context.ts'
import { ConnectPage } from '#src/features/connect/connect-page.tsx'
import { ConnectedPage } from '#src/features/connect/connected-page.tsx'
import { loadConnect, loadConnected } from '#src/features/connect/load-connect.ts'

vi.mock('server-only', () => ({}))
// Nobody is signed in.
vi.mock('next/headers', () => ({ cookies: async () => ({ get: () => undefined }), headers: async () => new Headers() }))

let site: TestSite
let github: TestGithub
beforeAll(async () => {
  site = await openTestSite()
  github = await TestGithub.start()
})
afterAll(async () => {
  await github.close()
  await site.close()
})

/** The site beside the local GitHub, with or without an app. */
function configure(app: { id: string; clientId: string; key: string } | null): void {
  const before = context()
  const config = {
    ...before.config,
    githubWebUrl: github.url,
    githubApiUrl: `${github.url}/api/v3`,
    githubAppId: app?.id ?? '',
    githubClientId: app?.clientId ?? '',
    webhookUrl: github.config.webhookUrl,
  }
  const secrets = { ...before.secrets, githubPrivateKey: app?.key ?? '' }
  replaceContext({ ...before, config, secrets, github: connectGithub(config, secrets) })
}
const proof = () => makeSetupProof(context().secrets.key)

it('leads from a setup link over GitHub’s page to the keys, once, and stores none of them', async () => {
  configure(null)
  const data = await loadConnect({ setup: proof(), organisation: 'lab' })
  expect(data.manifest.action).toMatch(/\/organizations\/lab\/settings\/apps\/new\?state=/)
  const html = renderToStaticMarkup(<ConnectPage data={data} />)
  for (const text of [
    'No app is configured',
    'Repository: Checks: write',
    `${data.urls.site}/login/callback`,
    'Create the app for lab',
  ])
    expect(html).toContain(text)
  const state = new URL(data.manifest.action).searchParams.get('state')!
  const manifest = JSON.parse(data.manifest.json) as ReturnType<typeof appManifest>
  const back = await github.agreeToManifest(manifest, state)
  expect(back.origin + back.pathname).toBe('http://site.test/admin/connect/done')
  const query = { code: back.searchParams.get('code')!, state: back.searchParams.get('state')! }

  const done = await loadConnected(query)
  const shown = renderToStaticMarkup(<ConnectedPage data={done} />)
  expect(shown).toContain(`GITHUB_APP_ID=${github.config.appId}`)
  expect(shown).toContain('GITHUB_WEBHOOK_SECRET=a webhook secret')
  expect(ManifestConversion.parse('app' in done ? done.app : null).pem).toBe(github.privateKey)
  expect(await loadConnected(query)).toMatchObject({ problem: expect.stringContaining('were taken already') })
  expect(JSON.stringify(await site.db.query.sessions.findMany())).not.toContain('PRIVATE KEY')
})

it('refuses a state that it did not make, and does not exist for those who run nothing here', async () => {
  configure(null)
  const hidden = /NEXT_HTTP_ERROR_FALLBACK;404/
  await expect(loadConnect({ setup: `${Date.now() + 1000}.forged` })).rejects.toThrow(hidden)
  await expect(loadConnect({})).rejects.toThrow(hidden)
  await expect(loadConnected({ code: 'x', state: 'forged' })).rejects.toThrow(hidden)
  // With an app people can sign in, and a setup link opens nothing any more.
  configure({ id: '4711', clientId: github.config.clientId, key: github.privateKey })
  await expect(loadConnect({ setup: proof() })).rejects.toMatchObject({
    digest: expect.stringContaining('/login?next=%2Fadmin%2Fconnect'),
  })
})

it('asks GitHub as the app what is good and what is to be mended, and shows no key', async () => {
  configure(null)
  const setup = proof()
  const ask = async (key: string, id = String(github.config.appId)) => {
    configure({ id, clientId: '', key })
    return loadConnect({ setup })
  }
  const good = await ask(github.privateKey)
  expect(good.findings?.map(({ what, verdict }) => `${what}: ${verdict}`)).toEqual([
    'App id and key: fine',
    'Sign-in: wrong',
    'Permissions: fine',
    'Events: fine',
    'Installations: unknown',
    'Webhook address: fine',
    'Webhook delivery: unknown',
  ])
  expect(renderToStaticMarkup(<ConnectPage data={good} />)).not.toContain('PRIVATE KEY')
  for (const bad of [await ask('no key'), await ask(github.privateKey, '99')])
    expect(bad.findings).toMatchObject([{ what: 'App id and key', verdict: 'wrong' }])
})
