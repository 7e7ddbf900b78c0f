import { conditionWords, limitationWords, permissionWords } from '@modelport/schema/licence/terms'
import { CircleCheck, CircleX, Info, type LucideIcon } from 'lucide-react'
import Link from 'next/link'
import type { LicenceClaim } from '#src/features/models/licence-claim.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { Banner, EmptyState, Section, SourceMark, sourceWords } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export function LicensePage({ view }: { view: ModelView }) {
  const licence = view.version?.licence ?? null
  const claim = view.licence
  return (
    <ModelFrame view={view} tab="license">
      <h1 className="text-2xl leading-8 font-semibold">License</h1>
      {view.rights.settings ? (
        <p className="mt-1 text-[13px]">
          <Link prefetch={false} className="link" href={`${view.path}/settings#licence`}>
            Edit the licence
          </Link>
          {claim.from === 'edited' ? ', or go back to what the repository says' : ''}
        </p>
      ) : null}
      {licence || claim.name ? (
        <>
          <LicenceSummary claim={claim} />
          {licence ? (
            <Section title="Full text" id="text">
              <p className="mb-3 text-fg-muted">
                From{' '}
                <a
                  className="link"
                  href={`${view.repositoryUrl}/blob/${view.version?.commit ?? view.model.branch}/${licence.file.split('/').map(encodeURIComponent).join('/')}`}
                >
                  {licence.file}
                </a>{' '}
                in the repository.
              </p>
              <ScrollBox label="Text of the licence" className="card max-w-[90ch] overflow-auto">
                <pre className="p-4 font-mono text-[13px] leading-5 whitespace-pre-wrap">{licence.text}</pre>
              </ScrollBox>
            </Section>
          ) : null}
        </>
      ) : (
        <div className="mt-6">
          <EmptyState title="No licence stated">
            Without one, nobody but its owners may use this model beyond what the law allows.
            {view.rights.settings
              ? ' Commit a LICENSE file and push, and it appears with the next version, or name one in the settings.'
              : ''}
          </EmptyState>
        </div>
      )}
    </ModelFrame>
  )
}

function LicenceSummary({ claim }: { claim: LicenceClaim }) {
  const { terms } = claim
  return (
    <>
      <p className="mt-1 max-w-[68ch] text-fg-muted">
        {claim.name && claim.from ? (
          <>
            <strong className="text-fg">{terms?.name ?? claim.name}</strong>,{' '}
            {claim.from === 'LICENSE' ? 'by the text of its licence file' : `as ${sourceWords[claim.from]} says`}.
            {terms ? '' : ' What it permits is not known here; read it.'}{' '}
            {claim.url ? (
              <a className="link" href={claim.url} rel="nofollow ugc noopener noreferrer" title={claim.url}>
                Its text
              </a>
            ) : null}{' '}
            <SourceMark from={claim.from} />
          </>
        ) : (
          'The text is none of the licences that are known here, so what it permits is not stated. Read it.'
        )}
      </p>
      {claim.conflict ? (
        <div className="mt-4">
          <Banner kind="warning">
            The licence file reads like {claim.conflict}, which is another licence. Ask the publisher which one holds.
          </Banner>
        </div>
      ) : null}
      <p className="mt-4 text-base">
        Commercial use: <strong>{claim.commercial}</strong>
      </p>
      {terms ? (
        <div className="mt-4 grid gap-x-8 gap-y-6 sm:grid-cols-3">
          <Group title="Permissions" icon={CircleCheck} tone="text-success">
            {terms.permissions.map((word) => permissionWords[word])}
          </Group>
          <Group title="Conditions" icon={Info} tone="text-info">
            {terms.conditions.map((word) => conditionWords[word])}
          </Group>
          <Group title="Limitations" icon={CircleX} tone="text-danger">
            {terms.limitations.map((word) => limitationWords[word])}
          </Group>
        </div>
      ) : null}
      <p className="mt-4 max-w-[68ch] text-[13px] text-fg-muted">
        This is a summary, not legal advice. Summaries of open source licences follow the data of{' '}
        <a className="link" href="https://choosealicense.com" rel="nofollow noopener">
          choosealicense.com
        </a>{' '}
        (CC BY 3.0).
      </p>
    </>
  )
}

function Group(props: { title: string; icon: LucideIcon; tone: string; children: string[] }) {
  const { title, icon: Icon, tone, children } = props
  return (
    <section className="card p-4">
      <h2 className="text-base font-semibold">{title}</h2>
      {children.length > 0 ? (
        <ul className="mt-2 space-y-1.5">
          {children.map((words) => (
            <li key={words} className="flex gap-2">
              <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${tone}`} strokeWidth={1.75} />
              {words}
            </li>
          ))}
        </ul>
      ) : (
        <p className="mt-2 text-fg-muted">None.</p>
      )}
    </section>
  )
}
