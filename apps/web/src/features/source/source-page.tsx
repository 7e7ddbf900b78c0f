import { File, FileSymlink, Folder } from 'lucide-react'
import Link from 'next/link'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import type { CodeLines } from '#src/features/models/parse-text.ts'
import type { SourceView } from '#src/features/source/load-source.ts'
import { sourcePath } from '#src/features/source/source-path.ts'
import { CopyButton } from '#src/ui/copy-button.tsx'
import { formatBytes, formatCount } from '#src/ui/format.ts'
import { Banner, EmptyState, Sha } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export function SourcePage({ data }: { data: SourceView }) {
  const { view, path } = data
  const version = view.version!
  const onGithub = `${view.repositoryUrl}/${data.kind === 'file' ? 'blob' : 'tree'}/${version.commit}/${path.split('/').map(encodeURIComponent).join('/')}`
  return (
    <ModelFrame view={view} tab="source">
      <h1 className="text-2xl leading-8 font-semibold">
        {path === '' ? 'Source' : <bdi className="font-mono text-xl">{path.split('/').at(-1)}</bdi>}
      </h1>
      <p className="mt-1 text-fg-muted">
        The files of version {version.number}, at commit{' '}
        <Sha commit={version.commit} repositoryUrl={view.repositoryUrl} />.{' '}
        <a className="link" href={onGithub} rel="nofollow noopener">
          See it on GitHub
        </a>
      </p>
      {path === '' ? null : <Crumbs data={data} />}
      <div className="mt-4">
        {data.kind === 'nothing-kept' ? (
          <EmptyState title="No source is kept for this version">
            The files of a commit are kept when a build reads its runway.yml. The commit itself is on GitHub.
          </EmptyState>
        ) : null}
        {data.kind === 'folder' ? <FolderList data={data} /> : null}
        {data.kind === 'file' ? <FileText data={data} /> : null}
      </div>
    </ModelFrame>
  )
}

function Crumbs({ data: { view, path } }: { data: SourceView }) {
  const parts = path.split('/')
  return (
    <nav aria-label="Path" className="mt-3 font-mono text-[13px]">
      <ol className="flex flex-wrap gap-x-1">
        <li>
          <Link prefetch={false} className="link" href={sourcePath(view.versionPath, '')}>
            {view.model.name}
          </Link>
        </li>
        {parts.map((part, i) => (
          <li key={parts.slice(0, i + 1).join('/')}>
            <span aria-hidden className="me-1 text-fg-subtle">
              /
            </span>
            {i < parts.length - 1 ? (
              <Link
                prefetch={false}
                className="link"
                href={sourcePath(view.versionPath, parts.slice(0, i + 1).join('/'))}
              >
                <bdi>{part}</bdi>
              </Link>
            ) : (
              <bdi aria-current="page">{part}</bdi>
            )}
          </li>
        ))}
      </ol>
    </nav>
  )
}

function FolderList({ data: { view, path, entries } }: { data: SourceView & { kind: 'folder' } }) {
  return (
    <div className="card overflow-hidden">
      <table className="w-full">
        <caption className="sr-only">Files{path ? ` in ${path}` : ''}</caption>
        <thead className="sr-only">
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Size</th>
          </tr>
        </thead>
        <tbody className="divide-y divide-border">
          {entries.map((entry) => {
            const Icon = entry.folder ? Folder : File
            return (
              <tr key={entry.path} className="hover:bg-bg-subtle">
                <th scope="row" className="px-3 py-1.5 text-start font-normal">
                  <Link
                    prefetch={false}
                    href={sourcePath(view.versionPath, entry.path)}
                    className="inline-flex min-h-6 items-center gap-2 link-quiet"
                  >
                    <Icon
                      role="img"
                      aria-label={entry.folder ? 'Folder' : 'File'}
                      className={`size-4 shrink-0 ${entry.folder ? 'text-accent-text' : 'text-fg-subtle'}`}
                      strokeWidth={1.5}
                    />
                    <bdi>{entry.name}</bdi>
                  </Link>
                </th>
                <td className="px-3 py-1.5 text-end text-[13px] whitespace-nowrap text-fg-muted">
                  {formatBytes(entry.bytes)}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

const whyNot = {
  binary: 'It is no text.',
  large: 'It is larger than what is kept of a version.',
  text: 'Its text is not kept.',
  link: 'It is a link.',
}

function FileText({ data: { file, lines } }: { data: SourceView & { kind: 'file' } }) {
  if (file.kind === 'link' || lines === null)
    return (
      <div className="card flex items-center gap-3 px-4 py-6">
        <FileSymlink aria-hidden className="size-5 shrink-0 text-fg-subtle" strokeWidth={1.5} />
        <p>
          {formatBytes(file.bytes)}.{' '}
          {lines ? (
            <>
              A link to <bdi className="font-mono text-[13px]">{textOf(lines)}</bdi>.
            </>
          ) : (
            `${whyNot[file.kind]} GitHub has it.`
          )}
        </p>
      </div>
    )
  const text = textOf(lines)
  return (
    <>
      {turnsDirection.test(text) ? (
        <div className="mb-4">
          <Banner kind="warning">
            This file holds characters that turn the direction of text: what you read may not be what runs.
          </Banner>
        </div>
      ) : null}
      <div className="overflow-hidden rounded-lg border border-border">
        <div className="flex min-h-9 flex-wrap items-center justify-between gap-2 border-b border-border bg-bg-subtle px-3 py-1 text-[13px] text-fg-muted">
          <span>
            {formatCount(lines.length, 'line')} · {formatBytes(file.bytes)}
          </span>
          <CopyButton text={text} />
        </div>
        <ScrollBox label={file.path} className="overflow-x-auto">
          <pre className="code py-2 font-mono text-[13px] leading-5" dir="ltr">
            {lines.map((line, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a commit never change
              <CodeLine key={i} number={i + 1} pieces={line} />
            ))}
          </pre>
        </ScrollBox>
      </div>
    </>
  )
}

function CodeLine({ number, pieces }: { number: number; pieces: CodeLines[number] }) {
  return (
    <span id={`L${number}`} className="code-line">
      {/* biome-ignore lint/a11y/useAnchorContent: it has a name; the number itself is drawn, so that it is not copied */}
      <a href={`#L${number}`} className="code-number" aria-label={`Line ${number}`} data-number={number} />
      {pieces.map(([text, kind], i) =>
        kind ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line never change
          <span key={i} className={kind}>
            {text}
          </span>
        ) : (
          text
        ),
      )}
      {'\n'}
    </span>
  )
}

const turnsDirection = /[\u202a-\u202e\u2066-\u2069]/

const textOf = (lines: CodeLines) => lines.map((line) => line.map(([text]) => text).join('')).join('\n')
