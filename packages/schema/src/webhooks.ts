import { z } from 'zod'

/**
 * What Modelport reads of GitHub's webhook payloads; everything else is dropped at the door. The event's name comes
 * in an unsigned header, so a payload must fit its event's schema before anything is done with it.
 */

/** Postgres' jsonb holds neither NUL nor lone surrogates. */
const text = (max: number) => z.string().transform((s) => s.slice(0, max).replaceAll('\0', '').toWellFormed())
const id = z.number().int().nonnegative()
const sha = z.string().regex(/^[0-9a-f]{40}$/)

const account = z.object({ id, login: text(100), type: text(40).default('User'), avatar_url: text(500).nullish() })
const repository = z.object({
  id,
  name: text(200),
  full_name: text(300),
  private: z.boolean(),
  default_branch: text(300).default('main'),
  archived: z.boolean().default(false),
  owner: account.partial({ login: true }).optional(),
})
const installationRef = z.object({ id })
const sender = z.object({ id, login: text(100) })
const base = { repository, installation: installationRef.optional(), sender: sender.optional() }

const commit = z.object({
  id: sha,
  message: text(2000),
  author: z.object({ name: text(200).nullish(), username: text(100).nullish() }).nullish(),
})

export const PushPayload = z.object({
  ...base,
  ref: text(500),
  before: sha,
  after: sha,
  created: z.boolean(),
  deleted: z.boolean(),
  forced: z.boolean(),
  head_commit: commit.nullable(),
  pusher: z.object({ name: text(100) }).nullish(),
})
export type PushPayload = z.infer<typeof PushPayload>

const shortRepository = z.object({ id, name: text(200), full_name: text(300), private: z.boolean() })

export const InstallationPayload = z.object({
  action: text(60),
  installation: z.object({ id, account, suspended_at: text(40).nullish() }),
  repositories: z.array(shortRepository).max(10_000).optional(),
  sender: sender.optional(),
})
export type InstallationPayload = z.infer<typeof InstallationPayload>

export const InstallationRepositoriesPayload = z.object({
  action: z.enum(['added', 'removed']),
  installation: z.object({ id, account }),
  repositories_added: z.array(shortRepository).max(10_000),
  repositories_removed: z
    .array(z.object({ id, name: text(200).optional(), full_name: text(300).optional() }))
    .max(10_000),
  sender: sender.optional(),
})
export type InstallationRepositoriesPayload = z.infer<typeof InstallationRepositoriesPayload>

export const RepositoryPayload = z.object({
  ...base,
  action: text(60),
  changes: z.object({ default_branch: z.object({ from: text(300) }).optional() }).optional(),
})
export type RepositoryPayload = z.infer<typeof RepositoryPayload>

export const CheckRunPayload = z.object({
  ...base,
  action: text(60),
  check_run: z.object({ id, head_sha: sha, external_id: text(200).nullish(), name: text(200) }),
})
export type CheckRunPayload = z.infer<typeof CheckRunPayload>

export const CheckSuitePayload = z.object({ ...base, action: text(60), check_suite: z.object({ id, head_sha: sha }) })
export type CheckSuitePayload = z.infer<typeof CheckSuitePayload>

export const MemberPayload = z.object({ ...base, action: text(60), member: sender })
export type MemberPayload = z.infer<typeof MemberPayload>

/** Somebody came to, or left, an organisation (`organization`) or one of its teams (`membership`). */
export const MembershipPayload = z.object({
  action: text(60),
  member: sender.optional(),
  membership: z.object({ user: sender.nullish() }).optional(),
})
export type MembershipPayload = z.infer<typeof MembershipPayload>

/** An account that the app is on got another login. */
export const InstallationTargetPayload = z.object({
  action: text(60),
  account,
  installation: installationRef.optional(),
})
export type InstallationTargetPayload = z.infer<typeof InstallationTargetPayload>

export const AuthorizationPayload = z.object({ action: text(60), sender })
export type AuthorizationPayload = z.infer<typeof AuthorizationPayload>

/** An import asked for on the site, by the API, or by an installation that found a `runway.yml`. Not from GitHub. */
export const ImportPayload = z.object({
  repository: text(300),
  repositoryId: id,
  installationId: id,
  requestedBy: text(100).nullable(),
  /** Make a model only when the repository holds a `runway.yml`. */
  onlyConfigured: z.boolean().default(false),
})
export type ImportPayload = z.infer<typeof ImportPayload>

/** The events that Modelport acts on, with the schema of each. Every other event is recorded and left alone. */
export const webhookSchemas = {
  push: PushPayload,
  installation: InstallationPayload,
  installation_repositories: InstallationRepositoriesPayload,
  installation_target: InstallationTargetPayload,
  repository: RepositoryPayload,
  check_run: CheckRunPayload,
  check_suite: CheckSuitePayload,
  member: MemberPayload,
  organization: MembershipPayload,
  membership: MembershipPayload,
  github_app_authorization: AuthorizationPayload,
} as const
export type HandledEvent = keyof typeof webhookSchemas

export function isHandledEvent(event: string): event is HandledEvent {
  return Object.hasOwn(webhookSchemas, event)
}
