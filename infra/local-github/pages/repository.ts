import { atLeast, ensureUser, findAccount, levelOf } from '../accounts.ts'
import { type Context, fullName, gitDir } from '../context.ts'
import { installationOf } from '../events.ts'
import { type Commit, readBlob, readCommits, readRefs, readTree, resolveCommit } from '../git.ts'
import { HttpError, type Request, type Router, readForm, redirect } from '../http.ts'
import { installOn, uninstallFrom } from '../installations.ts'
import { changeRepository, deleteRepository, Refused, setCollaborator, transferRepository } from '../repositories.ts'
import { findReadme } from '../rest/contents.ts'
import type { Account, Level, Repository } from '../store.ts'
import { repositoryOfPage } from './find.ts'
import { type Html, html } from './html.ts'
import { checkedForm, layout, type Session, sendPage, sessionOf } from './layout.ts'

const SHOWN_COMMITS = 20
const SHOWN_FILES = 500
const MAX_TEXT = 256 * 1024

/** A repository, its files and its settings. */
export function repositoryPages(router: Router<Context>): void {
  router.on('GET', '/:owner/:repo', (ctx, request) => repositoryPage(ctx, request, null))
  router.on('GET', '/:owner/:repo/tree/*ref', (ctx, request) => repositoryPage(ctx, request, request.params.ref!))
  router.on('GET', '/:owner/:repo/blob/:ref/*path', filePage)
  router.on('GET', '/:owner/:repo/raw/:ref/*path', rawFile)
  router.on('GET', '/:owner/:repo/settings', settingsPage)
  router.on('POST', '/:owner/:repo/settings', changeSettings)
}

/** A commit in a list. */
export function commitLine(name: string, commit: Commit): Html {
  return html`<li><a href="/${name}/commit/${commit.sha}">${commit.message.split('\n')[0] || '(no message)'}</a>
    <div class="dim">${commit.author.name}, ${commit.author.date} · <code>${commit.sha.slice(0, 7)}</code></div></li>`
}

async function repositoryPage(ctx: Context, request: Request, ref: string | null): Promise<void> {
  const session = sessionOf(ctx, request)
  const repository = repositoryOfPage(ctx, request, session)
  const name = fullName(ctx, repository)
  const dir = gitDir(ctx, repository)
  const sha = await resolveCommit(dir, ref ?? repository.defaultBranch)
  if (!sha && ref !== null) throw new HttpError(404, 'There is no such branch or commit.')
  const [branches, commits, files] = await Promise.all([
    readRefs(dir, 'refs/heads/'),
    sha ? readCommits(dir, [`--max-count=${SHOWN_COMMITS}`, sha]) : [],
    sha ? readTree(dir, sha, { recursive: true }) : [],
  ])
  const readme = findReadme(files)
  const text = readme && (readme.size ?? 0) <= MAX_TEXT ? (await readBlob(dir, readme.sha)).toString('utf8') : null
  const blobs = files.filter((file) => file.type !== 'tree')
  const isAdmin = levelOf(ctx, session.account, repository) === 'admin'
  const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      name,
      html`
    <h1>${name}</h1>
    <p>${repository.private ? html`<span class="tag">private</span>` : html`<span class="tag">public</span>`}
      ${repository.archived && html`<span class="tag">archived</span>`}
      ${repository.topics.map((topic) => html`<span class="tag">${topic}</span> `)}
      ${isAdmin && html`<a href="/${name}/settings">Settings</a>`}</p>
    ${repository.description && html`<p>${repository.description}</p>`}
    <p><code>${ctx.url}/${name}.git</code></p>
    ${!sha && html`<p>There are no commits yet on ${repository.defaultBranch}. Push to make the first.</p>`}
    <h2>Branches</h2>
    <ul class="list">${branches.slice(0, 100).map((branch) => {
      const short = branch.name.slice('refs/heads/'.length)
      return html`<li><a href="/${name}/tree/${encoded(short)}">${short}</a> ${short === repository.defaultBranch && html`<span class="tag">default</span>`}</li>`
    })}</ul>
    <h2>Last commits</h2>
    <ul class="list">${commits.map((commit) => commitLine(name, commit))}</ul>
    <h2>Files</h2>
    <ul class="list">${blobs.slice(0, SHOWN_FILES).map((file) => html`<li><a href="/${name}/blob/${sha}/${encoded(file.path)}">${file.path}</a> <span class="dim">${file.size === null ? 'submodule' : `${file.size} bytes`}</span></li>`)}</ul>
    ${blobs.length > SHOWN_FILES && html`<p class="dim">And ${blobs.length - SHOWN_FILES} more.</p>`}
    ${text !== null && html`<h2>${readme!.path}</h2><pre class="wrap">${text}</pre>`}`,
    ),
  )
}

async function readFile(
  ctx: Context,
  request: Request,
  session: Session,
): Promise<{ repository: Repository; path: string; bytes: Buffer }> {
  const repository = repositoryOfPage(ctx, request, session)
  const dir = gitDir(ctx, repository)
  const path = request.params.path!
  const sha = await resolveCommit(dir, request.params.ref!)
  const isPlain = !path.split('/').some((part) => part === '' || part === '.' || part === '..') && !path.includes('\0')
  const entry = sha && isPlain ? (await readTree(dir, sha, { path }))[0] : undefined
  if (entry?.type !== 'blob') throw new HttpError(404, 'There is no such file in this commit.')
  if ((entry.size ?? 0) > 50 * 1024 * 1024) throw new HttpError(403, 'This file is too large to be shown.')
  return { repository, path, bytes: await readBlob(dir, entry.sha) }
}

async function filePage(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const { repository, path, bytes } = await readFile(ctx, request, session)
  const name = fullName(ctx, repository)
  const isText = bytes.length <= MAX_TEXT && !bytes.includes(0)
  const raw = `/${name}/raw/${encodeURIComponent(request.params.ref!)}/${path.split('/').map(encodeURIComponent).join('/')}`
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      path,
      html`
    <h1>${path}</h1>
    <p><a href="/${name}">${name}</a> · ${bytes.length} bytes · <a href="${raw}">Raw</a></p>
    ${isText ? html`<pre tabindex="0" aria-label="${path}">${bytes.toString('utf8')}</pre>` : html`<p>Not shown: binary or long.</p>`}`,
    ),
  )
}

async function rawFile(ctx: Context, request: Request): Promise<void> {
  const { bytes } = await readFile(ctx, request, sessionOf(ctx, request))
  // Whatever the file is, a browser must not run it with our cookies.
  request.res.writeHead(200, {
    'content-type': bytes.includes(0) ? 'application/octet-stream' : 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  })
  request.res.end(bytes)
}

function administered(ctx: Context, request: Request, session: Session): { repository: Repository; person: Account } {
  const repository = repositoryOfPage(ctx, request, session)
  if (!session.account || !atLeast(levelOf(ctx, session.account, repository), 'admin')) {
    throw new HttpError(403, 'Only administrators of the repository change its settings. Sign in as one.')
  }
  return { repository, person: session.account }
}

async function settingsPage(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const { repository } = administered(ctx, request, session)
  const name = fullName(ctx, repository)
  const branches = await readRefs(gitDir(ctx, repository), 'refs/heads/')
  const form = (action: string, content: Html) => html`<form method="post" action="/${name}/settings" class="card">
    <input type="hidden" name="csrf" value="${session.csrf}"><input type="hidden" name="action" value="${action}">${content}</form>`
  const collaborators = Object.entries(repository.collaborators).flatMap(([id, level]) => {
    const person = ctx.store.accounts.get(Number(id))
    return person ? [{ person, level }] : []
  })
  const installed = installationOf(ctx, repository) !== undefined
  sendPage(
    request,
    200,
    layout(
      ctx,
      session,
      `Settings of ${name}`,
      html`
    <h1>Settings of <a href="/${name}">${name}</a></h1>
    ${form('visibility', html`<p>This repository is ${repository.private ? 'private' : 'public'}.</p><button name="private" value="${repository.private ? 'no' : 'yes'}">Make it ${repository.private ? 'public' : 'private'}</button>`)}
    ${form('rename', html`<label for="name">Name</label><div class="row"><input id="name" name="name" value="${repository.name}" required maxlength="100"><button>Rename</button></div>`)}
    ${form('describe', html`<label for="description">Description</label><div class="row"><input id="description" name="description" value="${repository.description ?? ''}" maxlength="350"><button>Save</button></div>`)}
    ${form(
      'branch',
      html`<label for="branch">Default branch</label><div class="row"><select id="branch" name="branch">${branches.map(
        (branch) => {
          const short = branch.name.slice('refs/heads/'.length)
          return short === repository.defaultBranch
            ? html`<option selected>${short}</option>`
            : html`<option>${short}</option>`
        },
      )}</select><button>Change</button></div>`,
    )}
    ${form(
      'collaborator',
      html`<label for="login">Collaborator</label><div class="row"><input id="login" name="login" required maxlength="39" autocapitalize="none">
      <select name="level" aria-label="Role"><option value="read">may read</option><option value="write" selected>may push</option><option value="admin">administers</option></select><button>Add or change</button></div>`,
    )}
    ${collaborators.map(({ person, level }) => form('remove', html`<input type="hidden" name="login" value="${person.login}"><div class="row">${person.login} (${level}) <button>Remove</button></div>`))}
    ${form('app', html`<p>${ctx.config.appSlug} is ${installed ? 'installed' : 'not installed'} on this repository.</p><button name="installed" value="${installed ? 'no' : 'yes'}">${installed ? 'Remove it' : 'Install it'}</button>`)}
    ${form('archive', html`<p>${repository.archived ? 'Archived: read-only.' : 'An archived repository is read-only.'}</p><button name="archived" value="${repository.archived ? 'no' : 'yes'}">${repository.archived ? 'Unarchive' : 'Archive'}</button>`)}
    ${form('transfer', html`<label for="owner">New owner</label><div class="row"><input id="owner" name="owner" required maxlength="39" autocapitalize="none"><button class="danger">Transfer</button></div>`)}
    ${form('delete', html`<label for="confirm">Type ${name} to delete it</label><div class="row"><input id="confirm" name="confirm" required autocomplete="off"><button class="danger">Delete</button></div>`)}`,
    ),
  )
}

async function changeSettings(ctx: Context, request: Request): Promise<void> {
  const session = sessionOf(ctx, request)
  const form = checkedForm(session, await readForm(request))
  const { repository, person } = administered(ctx, request, session)
  const field = (name: string) => (form.get(name) ?? '').trim()
  const other = () => {
    const account = ensureUser(ctx, field('login'))
    if (!account) throw new HttpError(422, 'This cannot be the name of a person.')
    return account
  }
  let after = repository
  try {
    switch (field('action')) {
      case 'visibility':
        after = await changeRepository(ctx, repository, person, { private: field('private') === 'yes' })
        break
      case 'rename':
        after = await changeRepository(ctx, repository, person, { name: field('name') })
        break
      case 'describe':
        after = await changeRepository(ctx, repository, person, { description: field('description') || null })
        break
      case 'branch':
        after = await changeRepository(ctx, repository, person, { defaultBranch: field('branch') })
        break
      case 'archive':
        after = await changeRepository(ctx, repository, person, { archived: field('archived') === 'yes' })
        break
      case 'collaborator':
        setCollaborator(ctx, repository, other(), levelFrom(field('level')), person)
        break
      case 'remove':
        setCollaborator(ctx, repository, other(), null, person)
        break
      case 'app':
        if (field('installed') === 'yes') installOn(ctx, repository, person)
        else uninstallFrom(ctx, repository, person)
        break
      case 'transfer': {
        const to = findAccount(ctx, field('owner'))
        if (!to) throw new Refused('The new owner does not exist.')
        transferRepository(ctx, repository, to, person)
        return redirect(request, '/')
      }
      case 'delete':
        if (field('confirm') !== fullName(ctx, repository)) throw new Refused('The name was not typed as it is.')
        await deleteRepository(ctx, repository, person)
        return redirect(request, '/')
      default:
        throw new HttpError(400, 'Unknown action.')
    }
  } catch (error) {
    if (error instanceof Refused) throw new HttpError(422, error.message)
    throw error
  }
  redirect(request, `/${fullName(ctx, after)}/settings`)
}

function levelFrom(text: string): Level {
  return text === 'admin' || text === 'read' ? text : 'write'
}
