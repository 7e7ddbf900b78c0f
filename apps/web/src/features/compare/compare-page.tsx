import { type ChangeClass, changeClasses, type InterfaceChange } from '@modelport/schema/compare-manifests'
import type { Substitution } from '@modelport/schema/words'
import { CircleMinus, CirclePlus, type LucideIcon, Pencil } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import type { DependencyChange, FileChange } from '#src/features/compare/compare-source.ts'
import type { DiffLine } from '#src/features/compare/diff-lines.ts'
import type { CompareView } from '#src/features/compare/load-compare.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { formatBytes, formatCount, stateWords } from '#src/ui/format.ts'
import { Banner, Sentence, Sha } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export function ComparePage({ data }: { data: CompareView }) {
  const { view, comparison, numbers } = data
  const { older, newer, sizes, substitutions, licence, source } = comparison
  const sizeChanged = sizes.some((size) => size.older !== size.newer)
  const substituted = substitutions.added.length + substitutions.removed.length
  const nothing =
    comparison.interface?.length === 0 &&
    !sizeChanged &&
    source?.files.length === 0 &&
    substituted + comparison.config.length + comparison.readme.length + licence.text.length === 0 &&
    !licence.changed
  return (
    <ModelFrame view={view} tab="compare">
      <h1 className="text-2xl leading-8 font-semibold">
        Version {older.number} to {newer.number}
      </h1>
      <p className="mt-1 text-fg-muted">
        <Sha commit={older.commit} repositoryUrl={view.repositoryUrl} /> to{' '}
        <Sha commit={newer.commit} repositoryUrl={view.repositoryUrl} /> ·{' '}
        <a className="link" href={`${view.repositoryUrl}/compare/${older.commit}...${newer.commit}`}>
          The files on GitHub
        </a>
      </p>
      <form action={`${view.path}/compare`} className="mt-4 flex flex-wrap items-end gap-3">
        <Picker name="from" label="From" numbers={numbers} chosen={older.number} />
        <Picker name="to" label="To" numbers={numbers} chosen={newer.number} />
        <button type="submit" className="button">
          Compare
        </button>
      </form>
      <div className="mt-6 space-y-4">
        {[older, newer].map((version) =>
          version.state === 'ready' ? null : (
            <Banner key={version.id} kind="info">
              Version {version.number} is {stateWords[version.state].toLowerCase()}; what is known of it is compared.
            </Banner>
          ),
        )}
        {licence.changed ? (
          <Banner kind="warning">
            The licence changed from {licence.older} to {licence.newer}.
          </Banner>
        ) : null}
        {nothing ? <p className="card px-4 py-6 text-center">No differences.</p> : null}
        <Part
          id="interface"
          title="Interface"
          count={comparison.interface ? formatCount(comparison.interface.length, 'change') : 'not known'}
        >
          <Interface changes={comparison.interface} />
        </Part>
        <Part id="sizes" title="Image sizes" count={sizeChanged ? 'changed' : 'the same'}>
          <Sizes data={data} />
        </Part>
        <Part id="substitutions" title="Substitutions" count={formatCount(substituted, 'change')}>
          {substituted === 0 ? <p className="text-fg-muted">The same in both.</p> : null}
          <Substitutions title="No longer needed" list={substitutions.removed} />
          <Substitutions title="New" list={substitutions.added} />
        </Part>
        <Part
          id="dependencies"
          title="Dependencies"
          count={source ? formatCount(source.dependencies.length, 'change') : 'not known'}
        >
          <Dependencies changes={source?.dependencies ?? null} />
        </Part>
        <Part id="files" title="Source files" count={source ? formatCount(source.files.length, 'change') : 'not known'}>
          <Files changes={source?.files ?? null} />
        </Part>
        <Part id="config" title="runway.yml, as it was understood" count={changed(comparison.config)}>
          <Diff title="runway.yml" lines={comparison.config} />
        </Part>
        <Part id="readme" title="README" count={changed(comparison.readme)}>
          <Diff title="README" lines={comparison.readme} />
        </Part>
        <Part id="license" title="License" count={licence.changed ? 'changed' : changed(licence.text)}>
          <p className="mb-2">
            {licence.changed ? `${licence.older}, then ${licence.newer}.` : `${licence.newer} in both.`}
          </p>
          <Diff title="License" lines={licence.text} />
        </Part>
      </div>
    </ModelFrame>
  )
}

function changed(lines: DiffLine[]): string {
  const [added, removed] = (['added', 'removed'] as const).map((kind) => lines.filter((l) => l.kind === kind).length)
  return lines.length === 0 ? 'the same' : `${formatCount(added!, 'line')} more, ${formatCount(removed!, 'line')} less`
}

function Picker(props: { name: string; label: string; numbers: number[]; chosen: number }) {
  return (
    <label className="block">
      <span className="block text-[13px] font-medium">{props.label}</span>
      <select name={props.name} defaultValue={props.chosen} className="input mt-1 w-36">
        {props.numbers.map((number) => (
          <option key={number} value={number}>
            Version {number}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Open when it holds a difference: only differences are shown until somebody asks for the rest. */
function Part(props: { id: string; title: string; count: string; children: ReactNode }) {
  const same = props.count === 'the same' || props.count.startsWith('0')
  return (
    <details id={props.id} open={!same} className="card scroll-mt-32 p-4">
      <summary className="min-h-6">
        <h2 className="inline text-lg leading-7 font-semibold">{props.title}</h2>{' '}
        <span className="text-fg-muted">· {props.count}</span>
      </summary>
      <div className="mt-3">{props.children}</div>
    </details>
  )
}

const classes: Record<ChangeClass, { title: string; icon: LucideIcon; tone: string }> = {
  breaking: { title: 'Breaking', icon: CircleMinus, tone: 'text-danger' },
  additive: { title: 'Additive', icon: CirclePlus, tone: 'text-success' },
  cosmetic: { title: 'Cosmetic', icon: Pencil, tone: 'text-info' },
}

function Interface({ changes }: { changes: InterfaceChange[] | null }) {
  if (!changes)
    return <p className="text-fg-muted">One of the two was never inspected, so its interface is not known.</p>
  if (changes.length === 0) return <p className="text-fg-muted">Every call works as before.</p>
  return changeClasses.map((kind) => {
    const own = changes.filter((change) => change.class === kind)
    const { title, icon: Icon, tone } = classes[kind]
    if (own.length === 0) return null
    return (
      <section key={kind} className="mt-4 first:mt-0">
        <h3 className={`flex items-center gap-1.5 font-semibold ${tone}`}>
          <Icon aria-hidden className="size-4" strokeWidth={1.75} />
          {title} ({own.length})
        </h3>
        <ul className="mt-1 space-y-1">
          {own.map((change) => (
            <li key={`${change.path} ${change.sentence}`} className="wrap-anywhere">
              <code className="font-mono text-[13px]">{change.path}</code>: <Sentence text={change.sentence} />
            </li>
          ))}
        </ul>
      </section>
    )
  })
}

function Sizes({ data: { comparison, view } }: { data: CompareView }) {
  const { older, newer, sizes } = comparison
  return (
    <table className="w-full max-w-[560px] text-start">
      <caption className="sr-only">Sizes of the images</caption>
      <thead>
        <tr className="text-fg-muted">
          <th scope="col" className="py-1 text-start font-medium">
            Target
          </th>
          {[older, newer].map((version) => (
            <th key={version.id} scope="col" className="py-1 text-start font-medium">
              <Link prefetch={false} className="link" href={`${view.path}@${version.number}`}>
                Version {version.number}
              </Link>
            </th>
          ))}
          <th scope="col" className="py-1 text-start font-medium">
            Difference
          </th>
        </tr>
      </thead>
      <tbody>
        {sizes.map((size) => (
          <tr key={size.target} className="border-t border-border">
            <th scope="row" className="py-1 text-start font-normal">
              {size.target.toUpperCase()}
            </th>
            <td className="py-1">{formatBytes(size.older)}</td>
            <td className="py-1">{formatBytes(size.newer)}</td>
            <td className="py-1">{delta(size.older, size.newer)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function delta(older: number | null, newer: number | null): string {
  if (older === null || newer === null) return '–'
  return older === newer ? 'none' : `${newer > older ? '+' : '−'}${formatBytes(Math.abs(newer - older))}`
}

function Substitutions({ title, list }: { title: string; list: Substitution[] }) {
  if (list.length === 0) return null
  return (
    <section className="mt-3 first:mt-0">
      <h3 className="font-semibold">{title}</h3>
      <ul className="mt-1 space-y-1">
        {list.map((one) => (
          <li key={JSON.stringify(one)} className="wrap-anywhere">
            {one.kind}: <code className="font-mono text-[13px]">{one.wanted}</code> became{' '}
            <code className="font-mono text-[13px]">{one.got}</code>. <span className="text-fg-muted">{one.why}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const notKept = 'The files of one of the two were not kept, so they cannot be compared.'

function Dependencies({ changes }: { changes: DependencyChange[] | null }) {
  if (!changes) return <p className="text-fg-muted">{notKept}</p>
  if (changes.length === 0) return <p className="text-fg-muted">The requirements files ask for the same in both.</p>
  return (
    <ul className="space-y-1">
      {changes.map(({ name, older, newer }) => (
        <li key={name} className="wrap-anywhere">
          <code className="font-mono text-[13px]">{name}</code>
          {older === null ? ' added: ' : newer === null ? ' removed, was ' : `: ${older}, then `}
          {newer ?? older}
        </li>
      ))}
    </ul>
  )
}

const fileLooks = {
  added: { icon: CirclePlus, word: 'added', tone: 'text-success' },
  removed: { icon: CircleMinus, word: 'removed', tone: 'text-danger' },
  changed: { icon: Pencil, word: 'changed', tone: 'text-info' },
}

function Files({ changes }: { changes: FileChange[] | null }) {
  if (!changes) return <p className="text-fg-muted">{notKept}</p>
  if (changes.length === 0) return <p className="text-fg-muted">Every file is the same.</p>
  return (
    <ul className="space-y-1">
      {changes.map((file) => {
        const { icon: Icon, word, tone } = fileLooks[file.change]
        const line = (
          <>
            <Icon aria-hidden className={`me-1.5 inline size-4 ${tone}`} strokeWidth={1.75} />
            <bdi className="font-mono text-[13px] wrap-anywhere">{file.path}</bdi>{' '}
            <span className="text-[13px] text-fg-muted">
              {word}, {sizesOf(file)}
            </span>
          </>
        )
        return (
          <li key={file.path}>
            {file.lines && file.lines.length > 0 ? (
              <details>
                <summary className="min-h-6">{line}</summary>
                <div className="mt-2 mb-3">
                  <Diff title={file.path} lines={file.lines} />
                </div>
              </details>
            ) : (
              <p className="min-h-6 ps-4">{line}</p>
            )}
          </li>
        )
      })}
    </ul>
  )
}

const sizesOf = ({ olderBytes, newerBytes }: FileChange) =>
  olderBytes === null || newerBytes === null || olderBytes === newerBytes
    ? formatBytes(newerBytes ?? olderBytes)
    : `${formatBytes(olderBytes)}, then ${formatBytes(newerBytes)}`

const lineLooks: Record<DiffLine['kind'], { sign: string; word: string; tone: string }> = {
  same: { sign: ' ', word: '', tone: 'border-transparent' },
  removed: { sign: '−', word: 'removed: ', tone: 'border-danger bg-danger-bg' },
  added: { sign: '+', word: 'added: ', tone: 'border-success bg-success-bg' },
  skipped: { sign: '…', word: '', tone: 'border-transparent text-fg-muted' },
}

function Diff({ title, lines }: { title: string; lines: DiffLine[] }) {
  if (lines.length === 0) return <p className="text-fg-muted">The text is the same.</p>
  return (
    <ScrollBox
      label={`What changed in ${title}`}
      className="max-h-[32rem] overflow-auto rounded-lg border border-border"
    >
      <pre className="w-max min-w-full py-2 font-mono text-[13px] leading-5">
        {lines.map((line, i) => {
          const { sign, word, tone } = lineLooks[line.kind]
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines of a comparison never move
            <span key={i} className={`block border-s-[3px] px-3 ${tone}`}>
              <span aria-hidden>{sign} </span>
              {word ? <span className="sr-only">{word}</span> : null}
              {line.text.slice(0, 2000)}
            </span>
          )
        })}
      </pre>
    </ScrollBox>
  )
}
