import type { Build } from '@modelport/db/queries/versions'
import { isFinalBuildState } from '@modelport/schema/states'
import { ChevronRight, Pin, PinOff, Undo2 } from 'lucide-react'
import Link from 'next/link'
import { comparePath } from '#src/features/compare/compare-path.ts'
import { defaultWords } from '#src/features/models/change-words.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import {
  cancelAction,
  makeDefaultAction,
  rebuildAction,
  unpinAction,
  unyankAction,
  yankAction,
} from '#src/features/versions/actions.ts'
import { shortRef, type VersionFilter, type VersionsView } from '#src/features/versions/load-versions.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { ConfirmButton } from '#src/ui/confirm-button.tsx'
import { formatBytes, formatDuration, stateWords, stepTitle } from '#src/ui/format.ts'
import { LiveRefresh } from '#src/ui/live-refresh.tsx'
import { EmptyState, Section, Sha, Time } from '#src/ui/parts.tsx'
import { StatusChip, StatusIcon } from '#src/ui/status-chip.tsx'

export function VersionsPage({ data }: { data: VersionsView }) {
  const { view, items, next, paged, filter, changes } = data
  const narrowed = filter.status !== '' || filter.branch !== ''
  const { model, path, defaultVersion, rights } = view
  return (
    <ModelFrame view={view} tab="versions">
      {/* Also without a running build: the next push may come while the page is open. */}
      <LiveRefresh url={`${path}/live`} active />
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-8 font-semibold">Versions</h1>
          <p className="mt-1 max-w-[68ch] text-fg-muted">
            {defaultVersion
              ? model.defaultPolicy === 'pinned'
                ? `Visitors get version ${defaultVersion.number}. It is pinned: new versions do not move it.`
                : `Visitors get version ${defaultVersion.number}. The next version that is ready takes its place.`
              : 'There is no default version yet; the first one that is ready becomes it.'}
          </p>
        </div>
        {rights.publish && model.defaultPolicy === 'pinned' ? (
          <ConfirmButton
            label="Unpin"
            icon={<PinOff aria-hidden className="size-3.5" strokeWidth={1.75} />}
            title="Follow the latest ready version?"
            confirm="Unpin"
            action={unpinAction}
            hidden={{ path, version: defaultVersion?.number ?? 1 }}
          >
            <p>
              The newest ready version becomes the default at once, and each later one when it is ready. Nothing is
              rebuilt.
            </p>
          </ConfirmButton>
        ) : null}
      </div>
      <div className="mt-6">
        <Filters data={data} />
        {items.length === 0 && narrowed ? (
          <EmptyState title="No such versions">
            None has this status and branch.{' '}
            <Link prefetch={false} className="link" href={`${path}/versions`}>
              Show all versions
            </Link>
          </EmptyState>
        ) : items.length === 0 ? (
          <EmptyState title="No versions yet">Push to {model.branch}, and the commit becomes version 1.</EmptyState>
        ) : (
          <ul className="card divide-y divide-border">
            {items.map((item) => (
              <VersionRow key={item.version.id} data={data} item={item} />
            ))}
          </ul>
        )}
        <nav aria-label="Pages" className="mt-4 flex justify-between">
          {paged ? (
            <Link prefetch={false} className="button" href={versionsAddress(path, filter)}>
              Newest versions
            </Link>
          ) : (
            <span />
          )}
          {next ? (
            <Link prefetch={false} className="button" rel="next" href={versionsAddress(path, filter, next)}>
              Older versions
            </Link>
          ) : null}
        </nav>
      </div>
      {changes.length > 0 ? (
        <Section title="How the default moved" id="changes">
          <ul className="space-y-1">
            {changes.map((change) => (
              <li key={change.id} className="text-fg-muted">
                <span className="text-fg">{defaultWords(change.to)}</span> · {change.changedBy ?? 'by policy'} ·{' '}
                <Time date={change.changedAt} /> · {change.reason}
              </li>
            ))}
          </ul>
          {rights.publish && data.undo ? <Undo data={data} undo={data.undo} /> : null}
        </Section>
      ) : null}
    </ModelFrame>
  )
}

/** The address of the list; words that ask for nothing are left out. */
function versionsAddress(path: string, filter: VersionFilter, before?: number): string {
  const query = new URLSearchParams()
  if (filter.status) query.set('status', filter.status)
  if (filter.branch) query.set('branch', filter.branch)
  if (before) query.set('before', String(before))
  return `${path}/versions${query.size > 0 ? `?${query}` : ''}`
}

/** A form that works without a script; it is left out where there is nothing to choose among. */
function Filters({ data: { view, filter, choices } }: { data: VersionsView }) {
  if (choices.states.length < 2 && choices.branches.length < 2) return null
  return (
    <form
      action={`${view.path}/versions`}
      className="mb-4 flex flex-wrap items-end gap-3"
      aria-label="Versions to show"
    >
      <label>
        <span className="mb-1 block text-[13px] text-fg-muted">Status</span>
        <select name="status" defaultValue={filter.status} className="input w-auto">
          <option value="">Any</option>
          {choices.states.map((state) => (
            <option key={state} value={state}>
              {stateWords[state]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="mb-1 block text-[13px] text-fg-muted">Branch or tag</span>
        <select name="branch" defaultValue={filter.branch} className="input w-auto max-w-60">
          <option value="">Any</option>
          {choices.branches.map((branch) => (
            <option key={branch} value={branch}>
              {branch}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="button">
        Apply
      </button>
    </form>
  )
}

function Undo({ data: { view }, undo }: { data: VersionsView; undo: NonNullable<VersionsView['undo']> }) {
  const { path, defaultVersion } = view
  return (
    <ActionForm
      action={undo.policy === 'pinned' ? makeDefaultAction : unpinAction}
      hidden={{ path, version: undo.policy === 'pinned' ? undo.version : (defaultVersion?.number ?? 1) }}
    >
      <button type="submit" className="button button-small mt-3">
        <Undo2 aria-hidden className="size-3.5" strokeWidth={1.75} />
        {undo.policy === 'pinned'
          ? `Undo: pin version ${undo.version} again`
          : 'Undo: follow the latest ready version again'}
      </button>
    </ActionForm>
  )
}

function VersionRow({ data, item }: { data: VersionsView; item: VersionsView['items'][number] }) {
  const { view } = data
  const { version, builds, rebuildOf } = item
  const { path, model, rights, repositoryUrl } = view
  const isDefault = version.id === model.defaultVersionId
  const place = { path, version: version.number }
  const running = builds.some((b) => !isFinalBuildState(b.state))
  return (
    <li className={`px-4 py-3 ${isDefault ? 'bg-accent-subtle/40' : ''}`}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <StatusChip status={version.state} />
        <h2 className="font-semibold">
          <Link prefetch={false} className="link-quiet" href={`${path}@${version.number}`}>
            Version {version.number}
          </Link>
        </h2>
        {isDefault ? (
          <span className="chip bg-accent-subtle text-accent-text">
            {model.defaultPolicy === 'pinned' ? <Pin aria-hidden className="size-3" strokeWidth={1.75} /> : null}
            Default{model.defaultPolicy === 'pinned' ? ' · pinned' : ''}
          </span>
        ) : null}
        {version.yankedAt ? <StatusChip status="yanked" /> : null}
        <span className="ms-auto text-[13px] text-fg-subtle">
          <Time date={version.createdAt} />
        </span>
      </div>
      <p className="mt-1 text-fg-muted">
        <span className="text-fg" dir="auto">
          {version.commitSubject || 'No commit message'}
        </span>{' '}
        · <Sha commit={version.commit} repositoryUrl={repositoryUrl} />
        {version.ref ? ` · ${shortRef(version.ref)}` : ''}
        {version.authorName ? ` · written by ${version.authorName}` : ''}
        {version.requestedBy
          ? ` · ${{ push: 'pushed', import: 'imported', rebuild: 'rebuilt' }[version.trigger]} by ${version.requestedBy}`
          : ''}
        {rebuildOf ? ` · the same commit as version ${rebuildOf}` : ''}
      </p>
      {version.stateReason ? <p className="mt-1">{version.stateReason}</p> : null}
      {version.yankedAt ? (
        <p className="mt-1">
          Withdrawn by {version.yankedBy}: {version.yankReason}
        </p>
      ) : null}
      <div className="mt-2 flex flex-wrap gap-x-6 gap-y-1">
        {builds.map((build) => (
          <BuildLine
            key={build.id}
            build={build}
            href={rights.logs ? `${path}@${version.number}/build?target=${build.target}` : null}
          />
        ))}
      </div>
      {version.number > 1 ? (
        <p className="mt-2 flex flex-wrap gap-x-4 text-[13px]">
          <Link
            prefetch={false}
            className="link inline-flex min-h-6 items-center"
            href={comparePath(path, version.number - 1, version.number)}
          >
            Compare with version {version.number - 1}
          </Link>
          {view.defaultVersion && !isDefault && view.defaultVersion.number !== version.number - 1 ? (
            <Link
              prefetch={false}
              className="link inline-flex min-h-6 items-center"
              href={comparePath(path, view.defaultVersion.number, version.number)}
            >
              Compare with the default, version {view.defaultVersion.number}
            </Link>
          ) : null}
        </p>
      ) : null}
      {rights.build ? (
        <details className="group mt-2">
          <summary className="inline-flex min-h-7 items-center gap-1 text-[13px] font-medium text-fg-muted hover:text-fg">
            <ChevronRight aria-hidden className="size-3.5 group-open:rotate-90" strokeWidth={1.75} />
            Actions<span className="sr-only"> for version {version.number}</span>
          </summary>
          <div className="mt-2 flex flex-wrap items-start gap-2">
            {version.state === 'ready' && !version.yankedAt && !(isDefault && model.defaultPolicy === 'pinned') ? (
              <ConfirmButton
                label={isDefault ? 'Pin as default' : 'Make default'}
                icon={<Pin aria-hidden className="size-3.5" strokeWidth={1.75} />}
                title={`Make version ${version.number} the default?`}
                confirm={isDefault ? 'Pin' : 'Make default'}
                action={makeDefaultAction}
                hidden={place}
              >
                <p>
                  {view.defaultVersion && !isDefault
                    ? `Visitors get version ${version.number} instead of version ${view.defaultVersion.number}. `
                    : ''}
                  The default is then pinned: new versions do not move it until you unpin it. Nothing is rebuilt.
                </p>
              </ConfirmButton>
            ) : null}
            {running ? (
              <ActionForm action={cancelAction} hidden={place}>
                <button type="submit" className="button button-small button-danger">
                  Cancel build
                </button>
              </ActionForm>
            ) : (
              <>
                <ActionForm action={rebuildAction} hidden={{ ...place, cache: 'yes' }}>
                  <button type="submit" className="button button-small">
                    Rebuild
                  </button>
                </ActionForm>
                <ActionForm action={rebuildAction} hidden={{ ...place, cache: 'no' }}>
                  <button type="submit" className="button button-small">
                    Rebuild without cache
                  </button>
                </ActionForm>
              </>
            )}
            {version.yankedAt ? (
              <ActionForm action={unyankAction} hidden={place}>
                <button type="submit" className="button button-small">
                  Offer again
                </button>
              </ActionForm>
            ) : version.state === 'ready' ? (
              <ConfirmButton
                label="Yank"
                danger
                title={`Yank version ${version.number}?`}
                confirm="Yank version"
                action={yankAction}
                hidden={place}
              >
                <p>It is kept at its address and no longer offered. People who open it see your reason.</p>
                <label className="block">
                  <span className="font-medium">Reason</span>
                  <input name="reason" required minLength={3} maxLength={500} className="input mt-1" />
                </label>
              </ConfirmButton>
            ) : null}
          </div>
        </details>
      ) : null}
    </li>
  )
}

function BuildLine({ build, href }: { build: Build; href: string | null }) {
  const ms = build.startedAt ? (build.finishedAt ?? new Date()).getTime() - build.startedAt.getTime() : null
  const where = build.state === 'running' ? build.currentStep : build.failure?.step
  const words = (
    <>
      <StatusIcon status={build.state} />
      <span className="font-medium">{build.target.toUpperCase()}</span>
      <span className="text-fg-muted">
        {[
          where && build.state !== 'ready' ? stepTitle(where) : '',
          ms === null ? '' : formatDuration(ms),
          build.sizeBytes === null ? '' : formatBytes(build.sizeBytes),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </>
  )
  return href ? (
    <Link prefetch={false} href={href} className="inline-flex min-h-6 items-center gap-1.5 hover:underline">
      {words}
    </Link>
  ) : (
    <span className="inline-flex min-h-6 items-center gap-1.5">{words}</span>
  )
}
