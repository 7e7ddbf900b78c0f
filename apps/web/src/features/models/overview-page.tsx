import { ExternalLink } from 'lucide-react'
import Link from 'next/link'
import { context } from '#src/context.ts'
import { comparePath } from '#src/features/compare/compare-path.ts'
import { GalleryPicture } from '#src/features/gallery/gallery-image.tsx'
import { LightBox } from '#src/features/gallery/light-box.tsx'
import { CiteBox } from '#src/features/models/cite-box.tsx'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { readManifest, signature, typesOf } from '#src/features/models/manifest.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { Readme } from '#src/features/models/readme.tsx'
import { curlSnippet, downloadLines, imageReference, type RunFile, runLine } from '#src/features/models/snippets.ts'
import { remoteImagePath } from '#src/features/remote-image/remote-image.ts'
import { mergeSubstitutions, SubstitutionTable } from '#src/features/versions/substitution-table.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { formatBytes } from '#src/ui/format.ts'
import { LiveRefresh } from '#src/ui/live-refresh.tsx'
import { Banner, EmptyState, Fact, Section, Sentence, Sha, SourceMark, Time } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'
import { StatusChip } from '#src/ui/status-chip.tsx'

export function OverviewPage({ view, files }: { view: ModelView; files: readonly RunFile[] }) {
  const { model, version, repositoryUrl, described } = view
  const { title, summary, overview, performance } = described
  const manifest = readManifest(version?.manifest)
  return (
    <ModelFrame view={view} tab="overview">
      {view.rights.versions ? <LiveRefresh url={`${view.path}/live`} active={isUnderWay(view)} /> : null}
      <Banners view={view} />
      <div className="grid gap-x-12 gap-y-8 lg:grid-cols-[minmax(0,760px)_320px] lg:justify-between">
        <div className="min-w-0">
          <h1 className="text-3xl leading-9 font-semibold" dir="auto">
            {title?.value ?? model.name}
          </h1>
          <p className="flex flex-wrap items-baseline gap-x-3 text-[13px]">
            {title ? <SourceMark from={title.from} /> : null}
            <EditLink view={view} card="title-and-summary" what="title and summary" />
          </p>
          {summary ? (
            <p className="mt-2 max-w-[68ch] text-base leading-[26px] text-fg-muted">
              <bdi>{summary.value}</bdi> <SourceMark from={summary.from} />
            </p>
          ) : null}
          {view.gallery.length > 0 ? <GalleryStrip view={view} /> : null}
          {manifest && manifest.commands.length > 0 ? (
            <div className="mt-6">
              <Section title="Interface" id="interface">
                <ul className="space-y-2">
                  {manifest.commands.map((command) => (
                    <li key={command.name} className="card px-3 py-2">
                      <code className="font-mono text-[13px] leading-5">{signature(command)}</code>
                      {command.description ? <p className="mt-1 text-fg-muted">{command.description}</p> : null}
                    </li>
                  ))}
                </ul>
                <p className="mt-2">
                  <Link prefetch={false} className="link" href={`${view.versionPath}/api`}>
                    All inputs, outputs and options
                  </Link>
                </p>
              </Section>
            </div>
          ) : null}
          <Substitutions view={view} />
          <div className="mt-8">
            {overview ? (
              <>
                <Readme
                  text={overview.value}
                  place={{ repositoryUrl, commit: version?.commit ?? model.branch, remoteImage: remoteImagePath }}
                />
                <p className="mt-4 flex flex-wrap items-baseline gap-x-3 text-[13px]">
                  <SourceMark from={overview.from} />
                  <EditLink view={view} card="overview" what="the overview" />
                </p>
              </>
            ) : version ? (
              <p className="text-fg-muted">
                No overview yet.{' '}
                {view.rights.publish ? 'Commit a README.md and push, and it appears with the next version, or ' : ''}
                <EditLink view={view} card="overview" what="one here" word="write" />
              </p>
            ) : null}
            {version ? null : <NothingReady view={view} />}
          </div>
          {performance && performance.value.length > 0 ? <PerformanceNotes view={view} /> : null}
        </div>
        <aside aria-label="About this model" className="min-w-0 space-y-8">
          {version ? <UseThisModel view={view} files={files} /> : null}
          <Characteristics view={view} />
          <Description view={view} />
          <CiteBox view={view} />
        </aside>
      </div>
    </ModelFrame>
  )
}

/** Whoever runs the images must know where they are not what the model asks for. */
function Substitutions({ view }: { view: ModelView }) {
  const substitutions = mergeSubstitutions(view.builds.filter((build) => build.state === 'ready'))
  if (substitutions.length === 0) return null
  return (
    <div className="mt-8">
      <Section title="Substitutions" id="substitutions">
        <p className="mb-2 text-fg-muted">
          Some of what this model asks for could not be had when version {view.version?.number} was built. This took its
          place in the images.
        </p>
        <SubstitutionTable substitutions={substitutions} />
      </Section>
    </div>
  )
}

const stripLength = 5

function GalleryStrip({ view: { gallery, path, versionPath } }: { view: ModelView }) {
  return (
    <section aria-label="Gallery" className="mt-6">
      <LightBox className="grid grid-cols-3 gap-2 sm:grid-cols-5">
        {gallery.slice(0, stripLength).map((image) => (
          <GalleryPicture key={image.id} modelPath={path} image={image} sizes="(min-width: 640px) 146px, 33vw" eager />
        ))}
      </LightBox>
      <p className="mt-2">
        <Link prefetch={false} className="link" href={`${versionPath}/gallery`}>
          {gallery.length > stripLength ? `All ${gallery.length} images` : 'Open the gallery'}
        </Link>
      </p>
    </section>
  )
}

/** Where a publisher edits a part of the page. */
function EditLink(props: { view: ModelView; card: string; what: string; word?: string }) {
  const { view, card, what, word = 'Edit' } = props
  return view.rights.settings ? (
    <Link
      prefetch={false}
      className="link inline-flex min-h-6 min-w-6 items-center gap-1"
      href={`${view.path}/settings#${card}`}
    >
      {word}
      {word === 'Edit' ? <span className="sr-only"> {what}</span> : ` ${what}`}
    </Link>
  ) : null
}

/** What publishers measured: their words, not ours. */
function PerformanceNotes({ view }: { view: ModelView }) {
  const { value, from } = view.described.performance!
  return (
    <div className="mt-8">
      <Section title="Performance notes" id="performance">
        <ScrollBox label="Performance notes" className="card overflow-x-auto">
          <table className="w-full text-start">
            <caption className="sr-only">What the publishers measured</caption>
            <thead>
              <tr className="border-b border-border text-[13px] text-fg-muted">
                {['Hardware', 'Median time', 'Memory', 'Measured on'].map((head) => (
                  <th key={head} scope="col" className="px-3 py-2 text-start font-medium">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-border">
              {value.map((row) => (
                <tr key={Object.values(row).join(' ')}>
                  <th scope="row" className="px-3 py-2 text-start font-medium" dir="auto">
                    {row.hardware}
                  </th>
                  <td className="px-3 py-2">{row.time ?? '–'}</td>
                  <td className="px-3 py-2">{row.memory ?? '–'}</td>
                  <td className="px-3 py-2">{row.version ? `Version ${row.version}` : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
        <p className="mt-2 flex flex-wrap items-baseline gap-x-3 text-[13px]">
          <SourceMark from={from} />
          <EditLink view={view} card="performance-notes" what="the performance notes" />
        </p>
      </Section>
    </div>
  )
}

function NothingReady({ view }: { view: ModelView }) {
  const { model, newest, path } = view
  if (model.state === 'not_configured')
    return (
      <EmptyState title="Not set up yet">
        <p>{model.stateReason ?? 'This repository has no runway.yml on its branch.'}</p>
        {view.rights.publish ? <p className="mt-2">Commit a runway.yml and a runway_model.py, then push.</p> : null}
      </EmptyState>
    )
  return (
    <EmptyState
      title="No version is ready yet"
      action={
        newest && view.rights.logs ? (
          <Link prefetch={false} className="button" href={`${path}@${newest.number}/build`}>
            Open the build of version {newest.number}
          </Link>
        ) : null
      }
    >
      {newest ? (
        <StatusChip status={newest.state} label={`Version ${newest.number}`} />
      ) : (
        <p>The first push makes version 1.</p>
      )}
    </EmptyState>
  )
}

const isUnderWay = (view: ModelView) => view.newest?.state === 'queued' || view.newest?.state === 'building'

/** One at a time, the most important first. */
function Banners({ view }: { view: ModelView }) {
  const banner = chooseBanner(view)
  return banner ? <div className="mb-6">{banner}</div> : null
}

function chooseBanner(view: ModelView) {
  const { version, model, defaultVersion, newest, path } = view
  if (model.state === 'archived')
    return <Banner kind="neutral">This model is archived: it can be used, and makes no new versions.</Banner>
  if (version?.state === 'expired')
    return (
      <Banner kind="warning">
        The images of version {version.number} were removed by retention; its page stays.{' '}
        {defaultVersion && defaultVersion.id !== version.id ? (
          <Link prefetch={false} href={path}>
            View the default, version {defaultVersion.number}
          </Link>
        ) : null}
      </Banner>
    )
  if (version?.yankedAt)
    return (
      <Banner kind="warning">
        Version {version.number} was withdrawn by {version.yankedBy}: {version.yankReason}{' '}
        {defaultVersion && defaultVersion.id !== version.id ? (
          <Link prefetch={false} href={path}>
            View the default, version {defaultVersion.number}
          </Link>
        ) : null}
      </Banner>
    )
  if (version && view.pinned && version.state !== 'ready')
    return (
      <Banner kind={version.state === 'failed' ? 'danger' : 'info'}>
        Version {version.number} is {version.state}.{' '}
        {view.rights.logs ? (
          <Link prefetch={false} href={`${path}@${version.number}/build`}>
            Open its build
          </Link>
        ) : null}
      </Banner>
    )
  if (version && !defaultVersion)
    return <Banner kind="info">This model has no default version. You're viewing version {version.number}.</Banner>
  if (version && defaultVersion && version.id !== defaultVersion.id)
    return (
      <Banner kind="info">
        You're viewing version {version.number}. The default is version {defaultVersion.number}
        {model.defaultPolicy === 'pinned' ? ' (pinned)' : ''}.{' '}
        <Link prefetch={false} href={path}>
          View the default
        </Link>
        {' · '}
        <Link prefetch={false} href={comparePath(path, version.number, defaultVersion.number)}>
          Compare {Math.min(version.number, defaultVersion.number)}...
          {Math.max(version.number, defaultVersion.number)}
        </Link>
      </Banner>
    )
  if (newest && (newest.state === 'failed' || newest.state === 'partial') && view.rights.logs)
    return (
      <Banner kind={newest.state === 'failed' ? 'danger' : 'warning'}>
        Version {newest.number} {newest.state === 'failed' ? 'failed' : 'is ready for one target only'}.{' '}
        {defaultVersion ? `Version ${defaultVersion.number} is still the default. ` : ''}
        <Link prefetch={false} href={`${path}@${newest.number}/build`}>
          View log
        </Link>
      </Banner>
    )
  if (newest && isUnderWay(view))
    return (
      <Banner kind="info">
        Version {newest.number} is {newest.state}.{' '}
        {view.rights.logs ? (
          <Link prefetch={false} href={`${path}@${newest.number}/build`}>
            Watch the build
          </Link>
        ) : null}
      </Banner>
    )
  return null
}

function UseThisModel({ view, files }: { view: ModelView; files: readonly RunFile[] }) {
  const { config } = context()
  const filesAreOpen = view.model.viewersSeeFiles && view.visibility !== 'private'
  const download = downloadLines({ files, filesAreOpen })
  const ready = view.builds.filter((build) => build.state === 'ready' && build.imageDigest)
  if (ready.length === 0 || view.version?.state === 'expired')
    return (
      <Section title="Use this model" id="use">
        <p className="text-fg-muted">
          {view.version?.state === 'expired'
            ? 'The images of this version were removed by retention; rebuild it to have them again.'
            : 'No image of this version is ready.'}
        </p>
      </Section>
    )
  const stays = ready.some((build) => imageReference(build, config.imageRegistry) === build.imageDigest)
  const signIn = view.visibility === 'private' && !stays ? `docker login ${config.imageRegistry}` : null
  const commands = readManifest(view.version?.manifest)?.commands ?? []
  return (
    <Section title="Use this model" id="use">
      <div className="space-y-3">
        {download ? (
          <>
            <CodeBlock wrap title="Download its files" code={download} />
            <p className="text-[13px] text-fg-muted">
              The run line mounts them at <code>/checkpoints</code>.
              {filesAreOpen ? '' : ' TOKEN is an API token of somebody who may see the files.'}
            </p>
          </>
        ) : null}
        {signIn ? (
          <>
            <CodeBlock wrap title="Sign in to pull" code={signIn} />
            <p className="text-[13px] text-fg-muted">
              This model is private. The password is an{' '}
              <Link prefetch={false} className="link" href="/settings/tokens">
                API token
              </Link>{' '}
              of somebody who may see it.
            </p>
          </>
        ) : null}
        {ready.map((build) => (
          <CodeBlock
            wrap
            key={build.id}
            title={`Run on ${build.target.toUpperCase()}`}
            code={runLine(build, config.imageRegistry, { files, filesAreOpen })!}
          />
        ))}
        {stays ? (
          <p className="text-[13px] text-fg-muted">
            Images stay in this machine's engine: no image registry is set up, so the lines name them by image id and
            work on the machine that built them.
          </p>
        ) : null}
        {commands.map((command) => (
          <CodeBlock wrap key={command.name} title={`Call ${command.name}`} code={curlSnippet(command)} />
        ))}
      </div>
    </Section>
  )
}

function Characteristics({ view }: { view: ModelView }) {
  const { version, model, builds, defaultVersion } = view
  const manifest = readManifest(version?.manifest)
  const inputs = typesOf(manifest, 'inputs')
  const outputs = typesOf(manifest, 'outputs')
  const ready = builds.filter((build) => build.state === 'ready')
  const pythons = [...new Set(ready.flatMap((build) => build.base?.python ?? []))]
  const cuda = ready.find((build) => build.target === 'gpu')?.base?.cuda
  return (
    <Section title="Characteristics" id="characteristics">
      <dl className="divide-y divide-border">
        {version ? (
          <>
            <Fact term="Published">
              <Time date={version.finishedAt ?? version.createdAt} />
            </Fact>
            <Fact term="Commit">
              <Sha commit={version.commit} repositoryUrl={view.repositoryUrl} />
            </Fact>
          </>
        ) : null}
        <Fact term="Updated">
          <Time date={model.updatedAt} />
        </Fact>
        {inputs.length > 0 ? <Fact term="Inputs">{inputs.join(', ')}</Fact> : null}
        {outputs.length > 0 ? <Fact term="Outputs">{outputs.join(', ')}</Fact> : null}
        {ready.map((build) => (
          <Fact key={build.id} term={`${build.target.toUpperCase()} image`}>
            {formatBytes(build.sizeBytes)}
          </Fact>
        ))}
        {pythons.length > 0 ? <Fact term="Python">{pythons.join(', ')}</Fact> : null}
        {cuda ? <Fact term="CUDA">{cuda}</Fact> : null}
        <Fact term="Default">
          {defaultVersion ? `Version ${defaultVersion.number}` : 'None yet'},{' '}
          {model.defaultPolicy === 'pinned' ? 'pinned by hand' : 'follows the latest ready version'}
        </Fact>
        <Fact term="License">
          <Link prefetch={false} className="link" href={`${view.versionPath}/license`}>
            {view.licence.name ?? (version?.licence ? `See ${version.licence.file}` : 'Not stated')}
          </Link>{' '}
          {view.licence.from ? <SourceMark from={view.licence.from} /> : null}
          <span className="block text-fg-muted">Commercial use: {view.licence.commercial}</span>
        </Fact>
        {version ? (
          <Fact term="Source">
            <Link prefetch={false} className="link" href={`${view.versionPath}/source`}>
              Files of this version
            </Link>
          </Fact>
        ) : null}
        <Fact term="Repository">
          <a className="link" href={view.repositoryUrl}>
            {view.publisher.login}/{model.name}
          </a>
        </Fact>
      </dl>
      {version && version.warnings.length > 0 && view.rights.versions ? (
        <details className="mt-3">
          <summary className="font-medium">{version.warnings.length} warnings</summary>
          <ul className="mt-2 list-disc space-y-1 ps-5 text-fg-muted">
            {version.warnings.map((warning) => (
              <li key={`${warning.code}${warning.line}${warning.sentence}`}>
                {warning.line ? `runway.yml line ${warning.line}: ` : ''}
                <Sentence text={warning.sentence} />
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </Section>
  )
}

/** The people behind the model, its papers and its keywords, each with where it comes from. */
function Description({ view }: { view: ModelView }) {
  const { authors, links, keywords, problems, unknownKeys } = view.described
  return (
    <>
      {authors && authors.value.length > 0 ? (
        <Section title="Attributions" id="attributions">
          <ul className="space-y-1">
            {authors.value.map((author) => (
              <li key={`${author.name} ${author.url} ${author.role}`}>
                {author.url ? <OutwardLink href={author.url}>{author.name}</OutwardLink> : <bdi>{author.name}</bdi>}
                {author.role ? <span className="text-fg-muted"> · {author.role}</span> : null}
              </li>
            ))}
          </ul>
          <p className="flex flex-wrap items-baseline gap-x-3 text-[13px]">
            <SourceMark from={authors.from} />
            <EditLink view={view} card="attributions" what="the attributions" />
          </p>
        </Section>
      ) : null}
      {keywords && keywords.value.length > 0 ? (
        <Section title="Keywords" id="keywords">
          <ul className="flex flex-wrap gap-1">
            {keywords.value.map((word) => (
              <li key={word}>
                <Link
                  prefetch={false}
                  className="chip min-h-6 hover:underline"
                  href={`/models?q=${encodeURIComponent(word)}`}
                >
                  {word}
                </Link>
              </li>
            ))}
          </ul>
          <p className="flex flex-wrap items-baseline gap-x-3 text-[13px]">
            <SourceMark from={keywords.from} />
            <EditLink view={view} card="keywords-and-links" what="the keywords" />
          </p>
        </Section>
      ) : null}
      {links && links.value.length > 0 ? (
        <Section title="Papers and links" id="links">
          <ul className="space-y-1">
            {links.value.map((link) => (
              <li key={link.url}>
                {paperMark(link.url) ? <span className="chip me-1.5">{paperMark(link.url)}</span> : null}
                <OutwardLink href={link.url}>{(link.title || link.url).replace(/^(?:arXiv|doi):/, '')}</OutwardLink>
              </li>
            ))}
          </ul>
          <p className="flex flex-wrap items-baseline gap-x-3 text-[13px]">
            <SourceMark from={links.from} />
            <EditLink view={view} card="keywords-and-links" what="the links" />
          </p>
        </Section>
      ) : null}
      {view.rights.settings && problems.length + unknownKeys.length > 0 ? (
        <Section title="Seen by publishers" id="card-notes">
          <ul className="list-disc space-y-1 ps-5 text-fg-muted">
            {problems.map((problem) => (
              <li key={problem.file}>
                {problem.file}: <Sentence text={problem.sentence} />
              </li>
            ))}
            {unknownKeys.length > 0 ? (
              <li>Keys of the README's front matter that mean nothing here: {unknownKeys.join(', ')}</li>
            ) : null}
          </ul>
        </Section>
      ) : null}
    </>
  )
}

/** What kind of paper an address leads to; null where it says nothing of it. */
function paperMark(url: string): string | null {
  const { host } = new URL(url)
  return host === 'arxiv.org' ? 'arXiv' : host === 'doi.org' ? 'DOI' : null
}

/** A link of a stranger: marked as such for readers and for search engines. */
function OutwardLink({ href, children }: { href: string; children: string }) {
  return (
    <a className="link wrap-anywhere" href={href} rel="nofollow ugc noopener noreferrer" title={href}>
      <bdi>{children}</bdi>
      <ExternalLink aria-hidden className="ms-1 inline size-3.5" strokeWidth={1.75} />
    </a>
  )
}
