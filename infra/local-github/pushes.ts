import { type Context, gitDir, now } from './context.ts'
import { emitCheckSuite, emitPush, installationOf, type RefChange } from './events.ts'
import { GitError, git, readBlob, readTree, resolveCommit } from './git.ts'
import { installOn } from './installations.ts'
import { detectLicense, isLicenseFile } from './licenses.ts'
import { takeName } from './repositories.ts'
import type { Account, CheckSuite, Repository } from './store.ts'

/**
 * Records what a push changed, and queues the news: first that the repository is there, then each ref.
 *
 * `told` ends when the app was told; what the push changed can be read before that.
 */
export async function recordPush(
  ctx: Context,
  repositoryId: number,
  pusher: Account,
  changes: RefChange[],
): Promise<{ told: Promise<unknown> }> {
  const before = ctx.store.repositories.get(repositoryId)
  if (!before || changes.length === 0) return { told: Promise.resolve() }
  const dir = gitDir(ctx, before)
  const time = now()

  const branches = changes.filter((change) => change.ref.startsWith('refs/heads/') && !/^0+$/.test(change.after))
  let defaultBranch = before.defaultBranch
  const head = await resolveCommit(dir, 'HEAD')
  if (!head && branches[0]) {
    // The first branch that arrives becomes the default one.
    defaultBranch = branches[0].ref.slice('refs/heads/'.length)
    await git(dir, ['symbolic-ref', 'HEAD', branches[0].ref])
  }
  const facts = await readFacts(dir)
  const current = ctx.store.repositories.get(repositoryId) ?? before
  const repository = ctx.store.repositories.put({
    ...current,
    ...facts,
    defaultBranch,
    pushedAt: time,
    updatedAt: time,
    announced: true,
  })
  if (!current.announced) {
    takeName(ctx, repository)
    installOn(ctx, repository, pusher)
  }

  // Above these GitHub makes no event at all, and readers must find the refs by themselves.
  const tags = changes.filter((change) => change.ref.startsWith('refs/tags/'))
  const told = changes.filter((change) =>
    change.ref.startsWith('refs/tags/')
      ? tags.length <= 3
      : branches.length <= 5000 && change.ref.startsWith('refs/heads/'),
  )
  const sent: Promise<void>[] = []
  for (const change of told) {
    sent.push(emitPush(ctx, repository, pusher, change))
    if (change.ref.startsWith('refs/heads/') && !/^0+$/.test(change.after) && installationOf(ctx, repository)) {
      const suite = suiteFor(ctx, repository, change.after, change)
      sent.push(emitCheckSuite(ctx, repository, pusher, suite, 'requested'))
    }
  }
  return { told: Promise.all(sent) }
}

/** The app's check suite of a commit, made when it is first needed. */
export function suiteFor(ctx: Context, repository: Repository, sha: string, change: RefChange | null): CheckSuite {
  const known = ctx.store.checkSuites.by('commit', `${repository.id}@${sha}`)[0]
  if (known) return known
  const time = now()
  return ctx.store.checkSuites.put({
    id: ctx.store.nextId(),
    repositoryId: repository.id,
    headSha: sha,
    headBranch: change?.ref.slice('refs/heads/'.length) ?? null,
    before: change?.before ?? null,
    after: change?.after ?? null,
    createdAt: time,
    updatedAt: time,
  })
}

async function readFacts(dir: string): Promise<{ license: string | null; size: number }> {
  try {
    const counts = await git(dir, ['count-objects', '-v'])
    const size = Number(/^size: (\d+)/m.exec(counts)?.[1] ?? 0) + Number(/^size-pack: (\d+)/m.exec(counts)?.[1] ?? 0)
    const head = await resolveCommit(dir, 'HEAD')
    const file = head
      ? (await readTree(dir, head)).find((entry) => entry.type === 'blob' && isLicenseFile(entry.path))
      : undefined
    if (!file || (file.size ?? 0) > 1024 * 1024) return { license: null, size }
    return { license: detectLicense((await readBlob(dir, file.sha)).toString('utf8')), size }
  } catch (error) {
    if (error instanceof GitError) return { license: null, size: 0 }
    throw error
  }
}
