import {
  type AppFinding,
  appManifest,
  checkGithubApp,
  installationUrls,
  neededEvents,
  neededPermissions,
} from '@modelport/schema/github-app'
import { isSetupProof } from '@modelport/schema/setup-link'
import { notFound } from 'next/navigation'
import type { RequestActor } from '#src/auth/actor.ts'
import { mayAdminister } from '#src/auth/can.ts'
import { seal, unseal } from '#src/auth/seal.ts'
import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { requireSignIn } from '#src/features/dashboard/load-mine.ts'

/** How long GitHub's page may take until it sends the browser back. */
const stateLifetimeMs = 3600_000
const organisationName = /^[a-z0-9](?:[a-z0-9-]{0,38})$/i

/** Who opened the page: an operator by GitHub account, or the bearer of a setup link. */
type Operator = { by: 'account'; id: string } | { by: 'setup-link' }

export async function loadConnect(query: { setup?: string; organisation?: string }) {
  const operator = await requireOperator(query.setup)
  const { config, secrets } = context()
  const urls = installationUrls(config.siteUrl, config.webhookUrl)
  const organisation = organisationName.test(query.organisation ?? '') ? query.organisation! : ''
  const place = organisation ? `organizations/${organisation}/settings/apps/new` : 'settings/apps/new'
  const action = new URL(`${config.githubWebUrl}/${place}`)
  action.searchParams.set('state', seal(secrets.key, JSON.stringify({ operator, at: Date.now(), for: 'connect' })))
  return {
    setup: operator.by === 'setup-link' ? query.setup! : null,
    organisation,
    configured: {
      githubWebUrl: config.githubWebUrl,
      githubApiUrl: config.githubApiUrl,
      appId: config.githubAppId,
      clientId: config.githubClientId,
      hasKey: secrets.githubPrivateKey !== '',
      hasClientSecret: secrets.githubClientSecret !== '',
    },
    urls,
    permissions: neededPermissions,
    events: neededEvents,
    manifest: {
      action: action.href,
      json: JSON.stringify(appManifest(urls, appName(config.siteUrl), `${config.siteUrl}/admin/connect/done`)),
    },
    findings: await findings(urls.webhook),
  }
}
export type ConnectData = Awaited<ReturnType<typeof loadConnect>>

/** What GitHub sent the browser back with: the app's keys once, or why there are none. */
export async function loadConnected(query: { code?: string; state?: string }) {
  const { config, github } = context()
  const operator = readState(query.state)
  if (!operator || !query.code) {
    await requireOperator(undefined)
    return { problem: 'This was not started here, or more than an hour ago.' as const }
  }
  if (operator.by === 'account') {
    const actor = await requireSignIn('/admin/connect')
    if (!mayAdminister(actor, config.adminLogins) || actor.user?.id !== operator.id) notFound()
  } else if (config.githubClientId) notFound()
  const app = await github.convertManifest(query.code)
  if (!app)
    return { problem: 'GitHub gives the keys of an app for one hour and once, and these were taken already.' as const }
  return { app, github: { webUrl: config.githubWebUrl, apiUrl: config.githubApiUrl } }
}

/** A setup link opens the page only while nobody can sign in; to everybody else who runs nothing here it does not exist. */
async function requireOperator(setup: string | undefined): Promise<Operator> {
  const { config, secrets } = context()
  if (setup && !config.githubClientId && isSetupProof(secrets.key, setup)) return { by: 'setup-link' }
  if (!config.githubClientId) {
    const actor: RequestActor = await currentActor()
    if (!actor.user) notFound()
  }
  const actor = await requireSignIn('/admin/connect')
  if (!mayAdminister(actor, config.adminLogins)) notFound()
  return { by: 'account', id: actor.user!.id }
}

function readState(sealed: string | undefined): Operator | null {
  const text = sealed ? unseal(context().secrets.key, sealed) : null
  if (!text) return null
  const { operator, at, for: purpose } = JSON.parse(text) as { operator: Operator; at: number; for?: string }
  return purpose === 'connect' && Date.now() - at < stateLifetimeMs ? operator : null
}

/** GitHub wants a name that no other app has, of at most 34 characters. */
function appName(siteUrl: string): string {
  return `Modelport ${new URL(siteUrl).hostname}`.slice(0, 34)
}

async function findings(webhookUrl: string): Promise<AppFinding[] | null> {
  const { config, secrets, github } = context()
  if (!config.githubAppId || !secrets.githubPrivateKey) return null
  return checkGithubApp((path) => github.askAsApp(path), {
    apiUrl: config.githubApiUrl,
    appId: config.githubAppId,
    clientId: config.githubClientId,
    webhookUrl,
  })
}
