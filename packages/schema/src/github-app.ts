import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'

// What the GitHub App of an installation has to be. The page that helps to make the app, the manifest from which GitHub
// makes it, and the checks of `npm run doctor` all read this one list.

/** A permission that the app asks for, and why. */
export interface NeededPermission {
  name: string
  level: 'read' | 'write'
  /** As GitHub's form calls it, with the part of the form in which it stands. */
  label: string
  why: string
}

export const neededPermissions: readonly NeededPermission[] = [
  {
    name: 'checks',
    level: 'write',
    label: 'Repository: Checks',
    why: 'reports each build on its commit, with the lines of `runway.yml` that are wrong',
  },
  {
    name: 'contents',
    level: 'read',
    label: 'Repository: Contents',
    why: 'hears of pushes and fetches the source of a commit',
  },
  {
    name: 'metadata',
    level: 'read',
    label: 'Repository: Metadata',
    why: 'knows names, visibility and who may write to a repository; GitHub gives it to every app',
  },
  {
    name: 'members',
    level: 'read',
    label: 'Organization: Members',
    why: 'hears when somebody becomes or ceases to be a collaborator',
  },
]

export const neededEvents: readonly { name: string; why: string }[] = [
  { name: 'push', why: 'makes a version' },
  { name: 'repository', why: 'follows renames, transfers, archiving and a repository that becomes private' },
  { name: 'check_run', why: 'lets “Re-run” on GitHub build again' },
  { name: 'check_suite', why: 'lets “Re-run all checks” on GitHub build again' },
  { name: 'member', why: 'forgets at once what a collaborator could do' },
]

/** The addresses of an installation that GitHub is told. */
export interface InstallationUrls {
  site: string
  webhook: string
  callback: string
  setup: string
}

export function installationUrls(siteUrl: string, webhookUrl: string | null): InstallationUrls {
  return {
    site: siteUrl,
    webhook: webhookUrl ?? `${siteUrl}/hooks/github`,
    callback: `${siteUrl}/login/callback`,
    setup: `${siteUrl}/new`,
  }
}

/** The manifest from which GitHub makes the app; it sends the browser to `redirectUrl` with a code for its keys. */
export function appManifest(urls: InstallationUrls, name: string, redirectUrl: string) {
  return {
    name,
    url: urls.site,
    hook_attributes: { url: urls.webhook, active: true },
    redirect_url: redirectUrl,
    callback_urls: [urls.callback],
    setup_url: urls.setup,
    setup_on_update: false,
    description: 'Builds models from repositories with a runway.yml.',
    public: true,
    request_oauth_on_install: false,
    default_permissions: Object.fromEntries(neededPermissions.map(({ name, level }) => [name, level])),
    default_events: neededEvents.map(({ name }) => name),
  }
}

/** What GitHub gives once for the code of a manifest. */
export const ManifestConversion = z.object({
  id: z.number().int().positive(),
  slug: z.string(),
  html_url: z.url({ protocol: /^https?$/ }),
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  webhook_secret: z.string().min(1).nullable(),
  pem: z.string().includes('PRIVATE KEY'),
})
export type ManifestConversion = z.infer<typeof ManifestConversion>

/** The lines of an environment file with which the processes speak as this app. */
export function appEnvironment(app: ManifestConversion, github: { webUrl: string; apiUrl: string }): string {
  const lines = [
    ['GITHUB_WEB_URL', github.webUrl],
    ['GITHUB_API_URL', github.apiUrl],
    ['GITHUB_APP_ID', String(app.id)],
    ['GITHUB_CLIENT_ID', app.client_id],
    ['GITHUB_CLIENT_SECRET', app.client_secret],
    ['GITHUB_WEBHOOK_SECRET', app.webhook_secret ?? ''],
    // On one line: Docker Compose, Node and systemd read it so.
    ['GITHUB_PRIVATE_KEY', `"${app.pem.trim().replaceAll('\n', '\\n')}"`],
  ]
  return `${lines.map(([name, value]) => `${name}=${value}`).join('\n')}\n`
}

/** One thing that was looked at: fine, not to be known yet, or wrong and how it is mended. */
export interface AppFinding {
  what: string
  verdict: 'fine' | 'unknown' | 'wrong'
  detail: string
  mend?: string
}

/** Asks GitHub's API as the app itself, with a path such as `/app`; throws when there is no answer. */
export type AskGithub = (path: string) => Promise<{ status: number; body: unknown }>

/** What the operator configured, as far as GitHub can confirm it. */
export interface ConfiguredApp {
  apiUrl: string
  appId: string
  /** Null where sign-in is not asked about. */
  clientId: string | null
  webhookUrl: string
}

const Permissions = z.record(z.string(), z.string())
const App = z.object({
  id: z.number(),
  slug: z.string(),
  html_url: z.string(),
  client_id: z.string().nullish(),
  permissions: Permissions,
  events: z.array(z.string()),
})
const Installations = z.array(
  z.object({
    account: z.object({ login: z.string() }).nullable(),
    html_url: z.string(),
    suspended_at: z.string().nullish(),
    permissions: Permissions,
  }),
)
const HookConfig = z.object({
  url: z.string().optional(),
  content_type: z.string().optional(),
  insecure_ssl: z.union([z.string(), z.number()]).optional(),
})
const Deliveries = z.array(
  z.object({ id: z.number(), guid: z.string(), event: z.string(), delivered_at: z.string(), status_code: z.number() }),
)

/** Whether a text can be the key of an app at all; asking GitHub with anything else fails before it is asked. */
export function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

/** Checks everything that GitHub can tell of the app; the first thing that is wrong may hide the rest. */
export async function checkGithubApp(ask: AskGithub, configured: ConfiguredApp): Promise<AppFinding[]> {
  const first = await asked(() => ask('/app'))
  if ('problem' in first) {
    return [
      {
        what: 'GitHub',
        verdict: 'wrong',
        detail: `${configured.apiUrl} does not answer (${first.problem}).`,
        mend: 'set GITHUB_API_URL to GitHub’s API as this machine reaches it: https://api.github.com, or https://HOST/api/v3 of an Enterprise Server',
      },
    ]
  }
  if (first.status === 401) {
    return [
      {
        what: 'App id and key',
        verdict: 'wrong',
        detail: `GitHub refuses the key as one of the app ${configured.appId}.`,
        mend: 'generate a private key on the app’s settings page and set GITHUB_APP_ID and GITHUB_PRIVATE_KEY to that app’s',
      },
    ]
  }
  const app = App.safeParse(first.body)
  if (first.status !== 200 || !app.success) {
    return [
      {
        what: 'App id and key',
        verdict: 'wrong',
        detail: `GitHub answers ${first.status} to GET /app, which is not what an app is told.`,
        mend: 'set GITHUB_APP_ID to the number of an app that exists, and GITHUB_API_URL to its GitHub',
      },
    ]
  }
  const settings = app.data.html_url
  const findings: (AppFinding | null)[] = [
    { what: 'App id and key', verdict: 'fine', detail: `GitHub knows this key as the app ${app.data.slug}.` },
    clientFinding(app.data.client_id ?? null, configured.clientId, settings),
    permissionFinding(app.data.permissions, settings),
    eventFinding(app.data.events, settings),
    ...(await installationFindings(ask, settings)),
    ...(await webhookFindings(ask, configured, settings)),
  ]
  return findings.filter((finding) => finding !== null)
}

function clientFinding(theirs: string | null, ours: string | null, settings: string): AppFinding | null {
  if (ours === null || theirs === null) return null
  const what = 'Sign-in'
  if (ours === theirs)
    return { what, verdict: 'fine', detail: 'The client id is this app’s; signing in proves the client secret.' }
  return {
    what,
    verdict: 'wrong',
    detail: ours ? 'The client id belongs to another app.' : 'No client id is set, so nobody can sign in.',
    mend: `set GITHUB_CLIENT_ID=${theirs} and GITHUB_CLIENT_SECRET to a client secret made on ${settings}`,
  }
}

function permissionFinding(given: Record<string, string>, settings: string): AppFinding {
  const what = 'Permissions'
  const missing = missingPermissions(given)
  if (missing.length === 0)
    return { what, verdict: 'fine', detail: neededPermissions.map((p) => `${p.name} (${p.level})`).join(', ') }
  return {
    what,
    verdict: 'wrong',
    detail: `The app lacks ${listed(missing.map((p) => `${p.label} (${p.level})`))}.`,
    mend: `give them on ${settings}, then accept the change in each installation`,
  }
}

/** The needed permissions that are not among those given. */
export function missingPermissions(given: Record<string, string>): NeededPermission[] {
  const enough = { read: ['read', 'write', 'admin'], write: ['write', 'admin'] }
  return neededPermissions.filter(({ name, level }) => !enough[level].includes(given[name] ?? ''))
}

function eventFinding(given: string[], settings: string): AppFinding {
  const what = 'Events'
  const missing = neededEvents.filter(({ name }) => !given.includes(name))
  if (missing.length === 0) return { what, verdict: 'fine', detail: neededEvents.map((e) => e.name).join(', ') }
  return {
    what,
    verdict: 'wrong',
    detail: `The app does not hear of ${listed(missing.map((e) => e.name))}.`,
    mend: `subscribe to them on ${settings}`,
  }
}

async function installationFindings(ask: AskGithub, settings: string): Promise<AppFinding[]> {
  const what = 'Installations'
  const answer = await asked(() => ask('/app/installations?per_page=100'))
  const found = 'problem' in answer ? null : Installations.safeParse(answer.body)
  if (!found?.success) return [{ what, verdict: 'unknown', detail: 'GitHub did not list them.' }]
  if (found.data.length === 0)
    return [
      {
        what,
        verdict: 'unknown',
        detail: 'The app is installed nowhere yet, so no repository is seen.',
        mend: `install it on an account: ${settings}/installations/new`,
      },
    ]
  const name = (i: { account: { login: string } | null }) => i.account?.login ?? 'an enterprise'
  const suspended = found.data.filter((i) => i.suspended_at)
  const behind = found.data.filter((i) => !i.suspended_at && missingPermissions(i.permissions).length > 0)
  return [
    suspended.length > 0
      ? {
          what,
          verdict: 'unknown',
          detail: `Suspended on ${listed(suspended.map(name))}; nothing is built there.`,
          mend: `let it work again on ${suspended[0]!.html_url}`,
        }
      : {
          what,
          verdict: 'fine',
          detail: found.data.length === 1 ? `On ${name(found.data[0]!)}.` : `On ${found.data.length} accounts.`,
        },
    ...(behind.length > 0
      ? [
          {
            what: 'Granted permissions',
            verdict: 'wrong' as const,
            detail: `${listed(behind.map(name))} did not accept the app’s newer permissions.`,
            mend: `accept them on ${behind[0]!.html_url}`,
          },
        ]
      : []),
  ]
}

async function webhookFindings(ask: AskGithub, configured: ConfiguredApp, settings: string): Promise<AppFinding[]> {
  const answer = await asked(() => ask('/app/hook/config'))
  const hook = 'problem' in answer ? null : HookConfig.safeParse(answer.body)
  if (!hook?.success)
    return [{ what: 'Webhook address', verdict: 'unknown', detail: 'GitHub did not say where it sends webhooks.' }]
  const { url = '', content_type: type, insecure_ssl: insecure } = hook.data
  if (url !== configured.webhookUrl)
    return [
      {
        what: 'Webhook address',
        verdict: 'wrong',
        detail: url
          ? `GitHub sends webhooks to ${url}, and ours is ${configured.webhookUrl}.`
          : 'GitHub sends no webhooks.',
        mend: `set the webhook URL to ${configured.webhookUrl} on ${settings}`,
      },
    ]
  if (type !== 'json')
    return [
      {
        what: 'Webhook address',
        verdict: 'wrong',
        detail: 'GitHub sends webhooks as a form.',
        mend: `set the content type to application/json on ${settings}`,
      },
    ]
  const unchecked = url.startsWith('https:') && String(insecure) === '1'
  return [
    unchecked
      ? {
          what: 'Webhook address',
          verdict: 'wrong',
          detail: 'GitHub does not verify the certificate of the webhook address.',
          mend: `enable SSL verification on ${settings}`,
        }
      : { what: 'Webhook address', verdict: 'fine', detail: url },
    deliveryFinding(await newestDelivery(ask), configured, settings),
  ]
}

export interface AppDelivery {
  id: number
  guid: string
  event: string
  delivered_at: string
  status_code: number
}

/** The last message that GitHub tried to deliver; null when it tried none, `undefined` when it does not say. */
export async function newestDelivery(ask: AskGithub): Promise<AppDelivery | null | undefined> {
  const answer = await asked(() => ask('/app/hook/deliveries?per_page=1'))
  const list = 'problem' in answer ? null : Deliveries.safeParse(answer.body)
  return list?.success ? (list.data[0] ?? null) : undefined
}

/** Reads from GitHub's last delivery whether webhooks arrive and are believed. */
export function deliveryFinding(
  last: AppDelivery | null | undefined,
  configured: Pick<ConfiguredApp, 'webhookUrl'>,
  settings: string,
): AppFinding {
  const what = 'Webhook delivery'
  if (last === undefined) return { what, verdict: 'unknown', detail: 'GitHub did not list its deliveries.' }
  if (last === null)
    return { what, verdict: 'unknown', detail: 'GitHub has delivered nothing yet; a push to a repository will tell.' }
  const code = last.status_code
  if (code >= 200 && code < 300)
    return { what, verdict: 'fine', detail: `The last one (${last.event}, ${last.delivered_at}) was taken in.` }
  const wrong = (detail: string, mend: string): AppFinding => ({ what, verdict: 'wrong', detail, mend })
  if (code === 401)
    return wrong(
      'The receiver refuses the signature: its secret is not GitHub’s.',
      `set GITHUB_WEBHOOK_SECRET of the receiver and the webhook secret on ${settings} to the same value`,
    )
  if (code === 404 || code === 405)
    return wrong(
      `Something answers ${code} at ${configured.webhookUrl}, and it is not the receiver.`,
      'lead the path /hooks/github to the receiver in the proxy in front of it',
    )
  if (code >= 500 && code < 600 && code !== 502 && code !== 503 && code !== 504)
    return wrong(`The receiver answered ${code}.`, 'read the receiver’s log: docker compose logs receiver')
  return wrong(
    `GitHub could not deliver to ${configured.webhookUrl} (${code || 'no answer'}).`,
    'start the receiver, and let GitHub reach it through the firewall and the proxy in front of it',
  )
}

async function asked(
  ask: () => Promise<{ status: number; body: unknown }>,
): Promise<{ status: number; body: unknown } | { problem: string }> {
  try {
    return await ask()
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { problem: cause instanceof Error ? cause.message : String(cause) }
  }
}

function listed(words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
