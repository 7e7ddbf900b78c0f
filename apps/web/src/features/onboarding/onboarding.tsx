import { Circle, CircleCheck, CircleDot, Lock } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { context } from '#src/context.ts'
import { importAction } from '#src/features/import/actions.ts'
import { CheckedList } from '#src/features/onboarding/checked-list.tsx'
import { ConfigEditor } from '#src/features/onboarding/config-editor.tsx'
import type { Chosen, Onboarding } from '#src/features/onboarding/load-onboarding.ts'
import { sampleModel, templates } from '#src/features/onboarding/templates.ts'
import { AskAgain, Later } from '#src/features/onboarding/wait.tsx'
import { ActionForm } from '#src/ui/action-form.tsx'
import { ansiSpans } from '#src/ui/ansi.ts'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { CopyButton } from '#src/ui/copy-button.tsx'
import { stepTitle } from '#src/ui/format.ts'
import { LiveRefresh } from '#src/ui/live-refresh.tsx'
import { Banner, Sentence, Time } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'
import { StatusChip } from '#src/ui/status-chip.tsx'

/** Three steps from a repository to a version, each with what is done of it by now. */
export function OnboardingSteps({ data }: { data: Onboarding }) {
  const { repositories, chosen } = data
  if (repositories === null)
    return (
      <>
        <Banner kind="warning">
          GitHub could not be asked for your repositories. Reload in a minute; nothing is lost.
        </Banner>
        <div className="mt-6">
          <ImportByName />
        </div>
      </>
    )
  const installed = repositories.length > 0
  const configured = chosen?.config.found === true && chosen.config.verdict !== 'rejected'
  const published = chosen?.version?.state === 'ready'
  return (
    <ol className="space-y-4">
      <Step
        number={1}
        title="Install the GitHub App, and choose a repository"
        done={installed && chosen !== null}
        now={!chosen}
      >
        <InstallStep data={data} />
      </Step>
      <Step number={2} title="Add runway.yml" done={configured} now={chosen !== null && !configured}>
        {chosen ? (
          <ConfigStep chosen={chosen} here={data.here} />
        ) : (
          <p className="text-fg-muted">Choose a repository first.</p>
        )}
      </Step>
      <Step number={3} title="Push" done={published} now={configured && !published}>
        {chosen ? <PushStep chosen={chosen} /> : <p className="text-fg-muted">Every push makes a numbered version.</p>}
      </Step>
    </ol>
  )
}

function Step(props: { number: number; title: string; done: boolean; now: boolean; children: ReactNode }) {
  const { number, title, done, now, children } = props
  const [Icon, tone, word] = done
    ? [CircleCheck, 'text-success', 'Done']
    : now
      ? [CircleDot, 'text-accent-text', 'Now']
      : [Circle, 'text-fg-subtle', 'Later']
  return (
    <li className="card p-5 max-sm:p-3" aria-current={now ? 'step' : undefined}>
      <h2 className="flex items-start gap-x-2 text-lg leading-7 font-semibold">
        <Icon aria-hidden className={`mt-1 size-5 shrink-0 ${tone}`} strokeWidth={1.5} />
        <span className="min-w-0 flex-1">
          {number}. {title}
        </span>
        <span className={` text-[13px] font-medium ${tone}`}>{word}</span>
      </h2>
      <div className="mt-3">{children}</div>
    </li>
  )
}

const permissionWords: Record<string, string> = {
  contents: 'Contents: to read the commit that is built',
  metadata: 'Metadata: the repository’s name, description and people',
  checks: 'Checks: to say beside each commit how its build went',
  statuses: 'Statuses: to say beside each commit how its build went',
  members: 'Members: to know who of an organisation may publish',
  emails: 'Email addresses: to know you when you sign in',
  pull_requests: 'Pull requests: to read which commit they end with',
}

function InstallStep({ data: { repositories, installations, app, chosen, here, q } }: { data: Onboarding }) {
  const all = repositories ?? []
  const suspended = installations.filter((installation) => installation.suspended)
  const active = installations.filter((installation) => !installation.suspended)
  const words = q.toLowerCase()
  const shown = all.filter((r) => `${r.owner}/${r.name} ${r.description ?? ''}`.toLowerCase().includes(words))
  if (chosen)
    return (
      <p>
        <span className="font-medium">
          {chosen.repository.owner}/{chosen.repository.name}
        </span>{' '}
        ·{' '}
        <Link prefetch={false} className="link" href={here}>
          Choose another
        </Link>
      </p>
    )
  return (
    <div className="space-y-4">
      {suspended.map((installation) => (
        <Banner key={installation.id} kind="warning">
          The app is suspended on {installation.account}. <a href={installation.url}>Activate it on GitHub</a>
        </Banner>
      ))}
      {active.length === 0 ? (
        <>
          <p className="max-w-[68ch] text-fg-muted">
            It tells this site of your pushes and lets it read the commit. Choose “Only select repositories”: you can
            add others later. On an organisation that is not yours, an owner has to approve; come back when they have.
          </p>
          {app ? (
            <>
              <ul className="list-disc ps-5 text-fg-muted">
                {Object.entries(app.permissions).map(([name, level]) => (
                  <li key={name}>
                    {permissionWords[name] ?? name} ({level})
                  </li>
                ))}
              </ul>
              <a className="button button-primary" href={app.installUrl}>
                Install the GitHub App
              </a>
            </>
          ) : (
            <p>GitHub could not be asked where the app is installed. Reload in a minute.</p>
          )}
          <AskAgain />
        </>
      ) : (
        <p className="text-fg-muted">
          The app is on {active.map((each) => each.account).join(', ')}, with{' '}
          {plural(all.length, 'repository', 'repositories')}.{' '}
          <a className="link" href={active[0]!.url}>
            Change access on GitHub
          </a>
          {app ? (
            <>
              {' · '}
              <a className="link" href={app.installUrl}>
                Install it on another account
              </a>
            </>
          ) : null}
        </p>
      )}
      {all.length > 0 ? (
        <>
          {all.length > 8 || q ? (
            <form action={here} className="flex flex-wrap gap-2">
              <input
                type="search"
                name="q"
                defaultValue={q}
                aria-label="Find a repository"
                placeholder="Find a repository, or an owner"
                className="input max-w-sm flex-1"
              />
              <button type="submit" className="button">
                Find
              </button>
            </form>
          ) : null}
          {shown.length > 0 ? (
            <ul className="max-h-96 divide-y divide-border overflow-y-auto rounded-lg border border-border">
              {shown.slice(0, 100).map((repository) => (
                <RepositoryRow key={repository.id} repository={repository} here={here} />
              ))}
            </ul>
          ) : (
            <p>No repository is called like “{q}”.</p>
          )}
        </>
      ) : active.length > 0 ? (
        <p>The app may see none of your repositories yet.</p>
      ) : null}
      <ImportByName />
    </div>
  )
}

function RepositoryRow({
  repository,
  here,
}: {
  repository: NonNullable<Onboarding['repositories']>[number]
  here: string
}) {
  const name = `${repository.owner}/${repository.name}`
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0">
        <p className="font-semibold">
          {name}
          {repository.private ? (
            <Lock
              role="img"
              aria-label="Private"
              className="ms-1.5 inline size-3.5 text-fg-subtle"
              strokeWidth={1.75}
            />
          ) : null}
        </p>
        <p className="text-[13px] text-fg-muted">
          {repository.description ? <bdi>{repository.description} · </bdi> : ''}
          {repository.pushedAt ? (
            <>
              pushed <Time date={new Date(repository.pushedAt)} />
            </>
          ) : (
            'never pushed'
          )}
        </p>
      </div>
      {repository.modelPath && repository.configured ? (
        <Link prefetch={false} href={repository.modelPath} className="button button-small">
          Open model<span className="sr-only"> {name}</span>
        </Link>
      ) : repository.mayWrite ? (
        <Link prefetch={false} href={`${here}?repository=${encodeURIComponent(name)}`} className="button button-small">
          Choose<span className="sr-only"> {name}</span>
        </Link>
      ) : (
        <span className="text-[13px] text-fg-muted">Needs write access</span>
      )}
    </li>
  )
}

function ImportByName() {
  return (
    <details>
      <summary>Import by name</summary>
      <div className="mt-2">
        <ActionForm action={importAction}>
          <div className="flex flex-wrap gap-2">
            <input
              name="repository"
              required
              pattern="[A-Za-z0-9][A-Za-z0-9_\-]*/[A-Za-z0-9._\-]+"
              placeholder="owner/name"
              aria-label="Repository, as owner/name"
              className="input max-w-sm flex-1 font-mono"
            />
            <button type="submit" className="button">
              Import
            </button>
          </div>
        </ActionForm>
        <p className="mt-1 text-[13px] text-fg-muted">Its head commit is built at once.</p>
      </div>
    </details>
  )
}

function ConfigStep({ chosen, here }: { chosen: Chosen; here: string }) {
  const { config, detected, repository, branch } = chosen
  const name = `${repository.owner}/${repository.name}`
  const found =
    detected.length > 0 ? (
      <p className="text-fg-muted">
        Found on {branch}: {detected.join(', ')}.
      </p>
    ) : null
  if (config.found)
    return (
      <div className="space-y-2">
        {found}
        <CheckedList checked={config} lineUrl={`${chosen.url}/blob/${branch}/runway.yml`} />
        {config.verdict === 'rejected' ? <p>Mend it and push again; this page sees it by itself.</p> : null}
      </div>
    )
  return (
    <div className="space-y-4">
      {found}
      <p>{chosen.empty ? 'The repository has no commit yet. ' : <Sentence text={config.missing} />}</p>
      <nav aria-label="Templates">
        <ul className="flex flex-wrap gap-2">
          {templates.map((template) => (
            <li key={template.id}>
              <Link
                prefetch={false}
                scroll={false}
                replace
                href={`${here}?repository=${encodeURIComponent(name)}&template=${template.id}`}
                aria-current={template.id === config.template ? 'true' : undefined}
                title={template.hint}
                className="button button-small aria-[current]:border-accent aria-[current]:bg-accent-subtle"
              >
                {template.title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {/* Another template is another text to begin with. */}
      <ConfigEditor key={config.template} text={config.text} checked={config.checked} />
      {chosen.hasModelFile ? null : <CodeBlock title="runway_model.py, to begin with" code={sampleModel} />}
      <CodeBlock
        title="Then, in the repository"
        code={`git add runway.yml runway_model.py\ngit commit -m "Add runway.yml"\ngit push origin HEAD:${branch}`}
      />
    </div>
  )
}

function PushStep({ chosen }: { chosen: Chosen }) {
  const { model, version, branch, repository, config } = chosen
  const name = `${repository.owner}/${repository.name}`
  if (model && version) return <FirstVersion chosen={chosen} />
  return (
    <div className="space-y-3">
      <p role="status">
        Waiting for a push to {branch} of {name}.
      </p>
      <AskAgain />
      {config.found && model?.model.stateReason ? <Sentence text={model.model.stateReason} /> : null}
      {config.found ? <BuildNow name={name} /> : null}
      <Later seconds={60}>
        <LastDelivery chosen={chosen} />
      </Later>
    </div>
  )
}

function BuildNow({ name }: { name: string }) {
  return (
    <ActionForm action={importAction} hidden={{ repository: name }}>
      <button type="submit" className="button">
        Build the latest commit now
      </button>
    </ActionForm>
  )
}

/** What GitHub last told of the repository, for somebody who waits for a push that does not come. */
function LastDelivery({ chosen: { delivery, model } }: { chosen: Chosen }) {
  if (!delivery)
    return (
      <Banner kind="info">
        Nothing has arrived from GitHub about this repository. Look whether the push went through, and whether the app
        is on the repository.
      </Banner>
    )
  return (
    <Banner kind="info">
      The last message about it was {delivery.event}
      {delivery.action ? `, ${delivery.action}` : ''}, <Time date={delivery.receivedAt} />:{' '}
      <Sentence text={delivery.reason ?? 'it is being worked.'} />{' '}
      {model ? (
        <Link prefetch={false} href={`/${model.publisher.slug}/${model.model.slug}/deliveries`}>
          All of them
        </Link>
      ) : null}
    </Banner>
  )
}

function FirstVersion({ chosen }: { chosen: Chosen }) {
  const { builds, tail } = chosen
  const model = chosen.model!
  const version = chosen.version!
  const path = `/${model.publisher.slug}/${model.model.slug}`
  const log = `${path}@${version.number}/build`
  const failure = builds.find((build) => build.failure)?.failure
  const running = builds.find((build) => build.state === 'running')
  return (
    <div className="space-y-3">
      <LiveRefresh url={`${path}/live`} active={version.state !== 'ready'} />
      <p className="flex flex-wrap items-center gap-2">
        <StatusChip status={version.state} label={`Version ${version.number}`} />
        <span>
          {version.state === 'ready'
            ? `Version ${version.number} is ready${model.model.defaultVersionId === version.id ? ' and is now the default' : ''}.`
            : running?.currentStep
              ? `${running.target.toUpperCase()}: ${stepTitle(running.currentStep)}`
              : version.state === 'queued'
                ? 'It waits for a worker.'
                : ''}
        </span>
      </p>
      {failure ? (
        <Banner kind="danger">
          <Sentence text={failure.sentence} /> Fix it and push again.{' '}
          <Link prefetch={false} href={`${log}#failed`}>
            Open the log
          </Link>
        </Banner>
      ) : null}
      {tail.length > 0 && version.state !== 'ready' ? (
        <figure>
          <figcaption className="mb-1 text-[13px] text-fg-muted">The end of the log</figcaption>
          <ScrollBox label="The end of the log" className="overflow-x-auto rounded-lg bg-log p-3">
            <pre className="font-mono text-[13px] leading-5 text-log-text">{tail.map(plainLine).join('\n')}</pre>
          </ScrollBox>
        </figure>
      ) : null}
      <p className="flex flex-wrap items-center gap-2">
        {version.state === 'ready' ? (
          <>
            <Link prefetch={false} className="button button-primary" href={path}>
              Open the model
            </Link>
            <CopyButton text={`${context().config.siteUrl}${path}`} label="Copy its address" />
            <Link prefetch={false} className="button button-small" href={`${path}/settings/badges`}>
              Add a badge
            </Link>
          </>
        ) : (
          <Link prefetch={false} className="button" href={log}>
            Open the build
          </Link>
        )}
      </p>
    </div>
  )
}

const plainLine = (line: string) =>
  ansiSpans(line)
    .map((span) => span.text)
    .join('')

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`
