import { isFinalBuildState } from '@modelport/schema/states'
import { Ban, CircleCheck, CircleDashed, CircleX, Download, LoaderCircle, RotateCcw } from 'lucide-react'
import Link from 'next/link'
import type { BuildView } from '#src/features/builds/load-build.ts'
import { type LogSection, LogViewer } from '#src/features/builds/log-viewer.tsx'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { cancelAction, rebuildAction } from '#src/features/versions/actions.ts'
import { SubstitutionTable } from '#src/features/versions/substitution-table.tsx'
import { ActionForm } from '#src/ui/action-form.tsx'
import { formatBytes, formatCount, formatDuration, stepTitle } from '#src/ui/format.ts'
import { LiveRefresh } from '#src/ui/live-refresh.tsx'
import { Fact, Section, Sentence, Sha, Time } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'
import { StatusChip, StatusIcon } from '#src/ui/status-chip.tsx'

export function BuildPage({ data }: { data: BuildView }) {
  const { view, version, current, build, attempts } = data
  const { path, repositoryUrl } = view
  const address = `${path}@${version.number}/build`
  const logUrl = `/api/v1/models${path}/versions/${version.number}/builds/${build.target}/log`
  const logFile = (query: Record<string, string>) => {
    const words = new URLSearchParams(query)
    if (attempts.length > 1) words.set('attempt', String(build.attempt))
    return words.size > 0 ? `${logUrl}?${words}` : logUrl
  }
  const failedStep = build.failure?.step
  const running = !isFinalBuildState(build.state)
  const anyRunning = current.some((b) => !isFinalBuildState(b.state))
  return (
    <ModelFrame view={view} tab="build">
      {view.rights.versions ? <LiveRefresh url={`${path}/live`} active={anyRunning} /> : null}
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <h1 className="flex flex-wrap items-center gap-x-3 gap-y-1 text-2xl leading-8 font-semibold">
            Build of version {version.number}
            <StatusChip status={version.state} />
          </h1>
          <p className="mt-1 text-fg-muted">
            {version.commitSubject ? <span dir="auto">{version.commitSubject} · </span> : null}
            {triggerWords(version)} · <Sha commit={version.commit} repositoryUrl={repositoryUrl} /> ·{' '}
            <Time date={version.createdAt} />
            {version.authorName ? ` · ${version.authorName}` : ''}
          </p>
          {version.stateReason ? <p className="mt-1">{version.stateReason}</p> : null}
        </div>
        {view.rights.build ? (
          <div className="flex flex-wrap gap-2">
            {anyRunning ? (
              <ActionForm action={cancelAction} hidden={{ path, version: version.number }}>
                <button type="submit" className="button button-danger">
                  <Ban aria-hidden className="size-4" strokeWidth={1.75} />
                  Cancel build
                </button>
              </ActionForm>
            ) : (
              <>
                <ActionForm action={rebuildAction} hidden={{ path, version: version.number, cache: 'yes' }}>
                  <button type="submit" className="button">
                    <RotateCcw aria-hidden className="size-4" strokeWidth={1.75} />
                    Rebuild
                  </button>
                </ActionForm>
                <ActionForm action={rebuildAction} hidden={{ path, version: version.number, cache: 'no' }}>
                  <button type="submit" className="button">
                    Rebuild without cache
                  </button>
                </ActionForm>
              </>
            )}
          </div>
        ) : null}
      </div>

      <nav aria-label="Targets" className="mt-5 flex flex-wrap gap-2">
        {current.map((b) => (
          <Link
            key={b.id}
            prefetch={false}
            href={`${address}?target=${b.target}`}
            aria-current={b.target === build.target ? 'page' : undefined}
            className="button aria-[current]:border-accent aria-[current]:bg-accent-subtle"
          >
            <StatusIcon status={b.state} />
            {b.target.toUpperCase()}
            <span className="font-normal text-fg-muted">{formatDuration(elapsed(b))}</span>
          </Link>
        ))}
        {attempts.length > 1 ? (
          <span className="flex flex-wrap items-center gap-2 text-[13px] text-fg-muted">
            Attempt
            {attempts.map((a) => (
              <Link
                key={a.id}
                prefetch={false}
                href={`${address}?target=${a.target}&attempt=${a.attempt}`}
                aria-current={a.id === build.id ? 'true' : undefined}
                className="inline-flex min-h-6 min-w-6 items-center justify-center link aria-[current]:font-semibold aria-[current]:no-underline"
              >
                {a.attempt}
              </Link>
            ))}
          </span>
        ) : null}
      </nav>

      {build.failure ? <FailureCard data={data} /> : null}
      {build.state === 'queued' ? (
        <p className="mt-5 rounded-lg bg-info-bg px-4 py-3">
          Waiting for a worker{data.ahead ? `: ${formatCount(data.ahead, 'build')} ahead` : ''}.
          {build.failure ? ' It is tried again after the failure above.' : ''}
        </p>
      ) : null}

      <div className="mt-5 grid gap-5 lg:grid-cols-[280px_minmax(0,1fr)]">
        <StepRail data={data} />
        <div className="min-w-0">
          <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
            <h2 className="text-lg leading-7 font-semibold">Log of the {build.target.toUpperCase()} build</h2>
            <p className="flex flex-wrap gap-2">
              {failedStep ? (
                <a href={logFile({ step: failedStep })} className="button button-small">
                  <Download aria-hidden className="size-3.5" strokeWidth={1.75} />
                  Failed step
                </a>
              ) : null}
              <a href={logFile({ format: 'jsonl' })} className="button button-small">
                <Download aria-hidden className="size-3.5" strokeWidth={1.75} />
                JSON lines
              </a>
              <a href={logFile({})} className="button button-small">
                <Download aria-hidden className="size-3.5" strokeWidth={1.75} />
                Raw log <span className="font-normal text-fg-muted">{formatBytes(build.logBytes)}</span>
              </a>
            </p>
          </div>
          <LogViewer
            key={build.id}
            url={logUrl}
            target={build.target}
            attempt={build.attempt}
            lines={data.lines}
            lineCount={build.lineCount}
            sections={sectionsOf(data)}
            running={running}
            failedLine={data.failedLine}
          />
          <noscript>
            <p className="mt-2 text-fg-muted">
              Without JavaScript the log stands still; reload for more, or open the raw log.
            </p>
          </noscript>
        </div>
      </div>
      <BuildFacts data={data} />
    </ModelFrame>
  )
}

const elapsed = (build: { startedAt: Date | null; finishedAt: Date | null }) =>
  build.startedAt ? (build.finishedAt ?? new Date()).getTime() - build.startedAt.getTime() : null

function triggerWords({ trigger, ref, requestedBy }: BuildView['version']): string {
  const by = requestedBy ? ` by ${requestedBy}` : ''
  if (trigger === 'push') return `Push to ${ref?.replace(/^refs\/(heads|tags)\//, '') ?? 'a branch'}${by}`
  return trigger === 'import' ? `Import${by}` : `Rebuild${by}`
}

function sectionsOf({ steps, ranges }: BuildView): LogSection[] {
  const sections = ranges.map(({ epoch, step, first, last }): LogSection => {
    const row = steps.find((s) => s.epoch === epoch && s.name === step)
    return {
      epoch,
      step,
      title: stepTitle(step, row?.command),
      first,
      last,
      state: row?.state ?? null,
      exitCode: row?.exitCode ?? null,
    }
  })
  // Steps that printed nothing yet are known here already, so that their title is when their first line comes.
  const silent = steps.filter((s) => !ranges.some((r) => r.epoch === s.epoch && r.step === s.name))
  return [
    ...sections,
    ...silent.map((s) => ({
      epoch: s.epoch,
      step: s.name,
      title: stepTitle(s.name, s.command),
      first: 0,
      last: 0,
      state: s.state,
      exitCode: s.exitCode,
    })),
  ]
}

function FailureCard({ data }: { data: BuildView }) {
  const { build, version, view, failedLine, steps } = data
  const failure = build.failure!
  const step = steps.filter((s) => s.name === failure.step).pop()
  return (
    <section aria-labelledby="failure" className="mt-5 rounded-lg border-s-4 border-danger bg-danger-bg px-4 py-3">
      <h2 id="failure" className="font-semibold">
        {failure.fault === 'publisher' ? 'This build failed' : 'This build failed through no fault of the repository'}
        {failure.step ? ` in “${stepTitle(failure.step, step?.command)}”` : ''}
      </h2>
      <p className="mt-1 max-w-[80ch]">
        <Sentence text={failure.sentence} />
      </p>
      <p className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-[13px]">
        <code className="font-mono">{failure.code}</code>
        <span>
          {failure.fault === 'publisher'
            ? 'To mend in the repository'
            : 'To mend by the operator; trying again may help'}
        </span>
        {failure.exitCode !== null ? <span>Exit code {failure.exitCode}</span> : null}
        {failure.outOfMemory ? <span>Out of memory</span> : null}
        {failure.file ? (
          <a
            className="link"
            href={`${view.repositoryUrl}/blob/${version.commit}/${failure.file.split('/').map(encodeURIComponent).join('/')}${failure.line ? `#L${failure.line}` : ''}`}
          >
            {failure.file}
            {failure.line ? ` line ${failure.line}` : ''}
          </a>
        ) : null}
        {failedLine ? (
          <a className="link" href={`#${build.target}-L${failedLine}`}>
            Jump to the error
          </a>
        ) : null}
      </p>
    </section>
  )
}

const stepIcons = {
  running: { icon: LoaderCircle, tone: 'text-info animate-spin', word: 'Running' },
  done: { icon: CircleCheck, tone: 'text-success', word: 'Done' },
  failed: { icon: CircleX, tone: 'text-danger', word: 'Failed' },
  cancelled: { icon: Ban, tone: 'text-fg-muted', word: 'Cancelled' },
  waiting: { icon: CircleDashed, tone: 'text-fg-subtle', word: 'Not started' },
}

function StepRail({ data }: { data: BuildView }) {
  const { steps, ranges, build } = data
  const own = steps.filter((s) => s.epoch === build.epoch)
  const done = new Set(own.map((s) => s.name))
  const coming =
    isFinalBuildState(build.state) && build.state === 'ready'
      ? []
      : ['fetch', 'config', 'base', 'inspect', 'push', 'publish'].filter((name) => !done.has(name))
  const longest = Math.max(1, ...own.map((s) => s.durationMs ?? 0))
  return (
    <section aria-labelledby="steps" className="min-w-0">
      <h2 id="steps" className="mb-2 text-lg leading-7 font-semibold">
        Steps
      </h2>
      <ol className="card divide-y divide-border">
        {own.map((step) => {
          const first = ranges.filter((r) => r.step === step.name && r.epoch === step.epoch).pop()?.first
          return (
            <Row
              key={`${step.epoch}-${step.position}`}
              state={step.state}
              title={stepTitle(step.name, step.command)}
              code={step.name.startsWith('build:')}
              href={first ? `#${build.target}-L${first}` : null}
              duration={step.state === 'running' ? Date.now() - step.startedAt.getTime() : step.durationMs}
              share={(step.durationMs ?? 0) / longest}
              note={[
                step.reused ? 'reused' : '',
                step.exitCode ? `exit ${step.exitCode}` : '',
                step.outOfMemory ? 'out of memory' : '',
              ]
                .filter(Boolean)
                .join(', ')}
            />
          )
        })}
        {coming.map((name) => (
          <Row key={name} state="waiting" title={stepTitle(name)} href={null} duration={null} share={0} note="" />
        ))}
      </ol>
    </section>
  )
}

function Row(props: {
  state: keyof typeof stepIcons
  title: string
  code?: boolean
  href: string | null
  duration: number | null
  share: number
  note: string
}) {
  const { icon: Icon, tone, word } = stepIcons[props.state]
  const title = <span className={`line-clamp-2 ${props.code ? 'font-mono text-[13px]' : ''}`}>{props.title}</span>
  return (
    <li className="px-3 py-2">
      <div className="flex items-start gap-2">
        <Icon role="img" aria-label={word} className={`mt-0.5 size-4 shrink-0 ${tone}`} strokeWidth={1.75} />
        <div className="min-w-0 flex-1">
          {props.href ? (
            <a href={props.href} className="link-quiet">
              {title}
            </a>
          ) : (
            <span className={props.state === 'waiting' ? 'text-fg-subtle' : ''}>{title}</span>
          )}
          {props.note ? <span className="text-[13px] text-fg-muted">{props.note}</span> : null}
        </div>
        <span className="shrink-0 text-[13px] text-fg-muted tabular-nums">{formatDuration(props.duration)}</span>
      </div>
      {props.share > 0.02 ? <progress className="step-bar" max={1} value={props.share} aria-hidden="true" /> : null}
    </li>
  )
}

function BuildFacts({ data }: { data: BuildView }) {
  const { build, version } = data
  const reused = build.layers.filter((layer) => layer.reused).length
  return (
    <div className="mt-8 grid gap-8 lg:grid-cols-2">
      <Section title="What was built" id="facts">
        <dl className="divide-y divide-border">
          {build.base ? (
            <Fact term="Base image">
              {build.base.entry} (Python {build.base.python}
              {build.base.cuda ? `, CUDA ${build.base.cuda}` : ''})
            </Fact>
          ) : null}
          <Fact term="Image">
            {build.imageDigest ? <code className="font-mono text-[13px]">{build.imageDigest}</code> : 'None'}
          </Fact>
          <Fact term="Size">{formatBytes(build.sizeBytes)}</Fact>
          <Fact term="Layers">
            {build.layers.length > 0
              ? `${reused} of ${build.layers.length} were made by an earlier build and used again`
              : '–'}
          </Fact>
          <Fact term="Cache">{build.useCache ? 'Used' : 'Not used'}</Fact>
        </dl>
        {build.dockerfile ? (
          <details className="mt-4">
            <summary className="font-medium">The same as a Dockerfile</summary>
            <ScrollBox label="Dockerfile" className="mt-2 overflow-x-auto rounded-lg border border-border bg-bg-subtle">
              <pre className="p-3 font-mono text-[13px] leading-5">{build.dockerfile}</pre>
            </ScrollBox>
          </details>
        ) : null}
      </Section>
      <div className="min-w-0">
        <Section title="Substitutions" id="substitutions">
          {build.substitutions.length > 0 ? (
            <SubstitutionTable substitutions={build.substitutions} />
          ) : (
            <p className="text-fg-muted">Everything was had as it was asked for.</p>
          )}
        </Section>
        {version.warnings.length > 0 ? (
          <Section title="Warnings" id="warnings">
            <ul className="list-disc space-y-1 ps-5">
              {version.warnings.map((warning) => (
                <li key={`${warning.code}${warning.line}${warning.sentence}`}>
                  {warning.line ? `runway.yml line ${warning.line}: ` : ''}
                  <Sentence text={warning.sentence} />
                </li>
              ))}
            </ul>
          </Section>
        ) : null}
      </div>
    </div>
  )
}
