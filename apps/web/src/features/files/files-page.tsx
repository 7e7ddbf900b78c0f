import type { FileWithBlob } from '@modelport/db/queries/files'
import { ChevronRight, Download, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { context } from '#src/context.ts'
import { changeFileAction, deleteFileAction } from '#src/features/files/actions.ts'
import { pathOfFile, pathOfPlace } from '#src/features/files/file-path.ts'
import type { FilesView, PlaceFiles } from '#src/features/files/load-files.ts'
import type { Place } from '#src/features/files/places.ts'
import { DropZone } from '#src/features/files/upload/drop-zone.tsx'
import { UploadList } from '#src/features/files/upload/upload-list.tsx'
import { UploadsProvider } from '#src/features/files/upload/uploads.tsx'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { shellQuote } from '#src/features/models/snippets.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { ConfirmButton } from '#src/ui/confirm-button.tsx'
import { CopyButton } from '#src/ui/copy-button.tsx'
import { formatBytes, formatCount } from '#src/ui/format.ts'
import { Banner, EmptyState, Section, Time } from '#src/ui/parts.tsx'

export function FilesPage({ data }: { data: FilesView }) {
  const { view, active, hasStore, mayUpload, usage, uploads, places, free, homeless } = data
  const page = (
    <>
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-8 font-semibold">Files</h1>
          <p className="mt-1 max-w-[68ch] text-fg-muted">
            Checkpoints and other files of this model. They lie beside its images, never in them; a new file changes no
            version.
          </p>
        </div>
        {usage ? <Usage usage={usage} /> : null}
      </div>
      <Notices data={data} />
      {mayUpload ? <UploadList /> : null}
      {active ? <Places data={data} places={places} /> : <Activation data={data} />}
      {mayUpload || free.length > 0 ? (
        <Section title="Free files" id="free">
          {mayUpload ? <DropZone option={null} choice={null} replaces={false} /> : null}
          <FileGrid>
            {free.map((files) => (
              <PlaceCard key={(files.current ?? files.earlier[0])!.id} data={data} files={files} />
            ))}
          </FileGrid>
        </Section>
      ) : null}
      {homeless.length > 0 ? (
        <Section title="Files of other versions" id="other">
          <p className="mb-3 max-w-[68ch] text-fg-muted">
            The version that visitors get has no option for these any more.
          </p>
          <FileGrid>
            {homeless.map((file) => (
              <li key={file.id} className="card p-4">
                <h3 className="font-semibold">
                  {[file.option, file.choice].filter((part) => part !== null).join(': ')}
                </h3>
                <FileFacts data={data} file={file} />
              </li>
            ))}
          </FileGrid>
        </Section>
      ) : null}
    </>
  )
  return (
    <ModelFrame view={view} tab="files">
      {mayUpload && hasStore ? (
        <UploadsProvider
          path={view.path}
          login={view.actor.user!.login}
          uploads={uploads}
          limits={{
            places: places.map(({ place }) => place),
            fileLimit: usage!.fileLimit,
            free: Math.max(0, usage!.limit - usage!.size - usage!.reserved),
          }}
        >
          {page}
        </UploadsProvider>
      ) : (
        page
      )}
    </ModelFrame>
  )
}

function Usage({ usage }: { usage: NonNullable<FilesView['usage']> }) {
  const used = usage.size + usage.reserved
  return (
    <div className="w-full text-[13px] text-fg-muted sm:w-64">
      <p id="usage">
        {formatBytes(used)} of {formatBytes(usage.limit)} used by this publisher
        {usage.reserved > 0 ? `, ${formatBytes(usage.reserved)} of it by uploads under way` : ''}
      </p>
      <progress className="upload-bar" aria-labelledby="usage" max={usage.limit} value={Math.min(used, usage.limit)} />
    </div>
  )
}

function Notices({ data: { view, hasStore, active, mayUpload } }: { data: FilesView }) {
  if (!view.rights.changeFiles) return null
  if (!hasStore)
    return (
      <div className="mt-4">
        <Banner kind="warning">
          This installation has no object store, so no files can be sent. Whoever runs it sets <code>S3_ENDPOINT</code>.
        </Banner>
      </div>
    )
  if (view.model.state === 'archived')
    return (
      <div className="mt-4">
        <Banner kind="neutral">This model is archived; its files can be downloaded, and no new ones are taken.</Banner>
      </div>
    )
  return active && mayUpload ? (
    <noscript>
      <p className="mt-4 text-fg-muted">
        Sending files from this page needs JavaScript. The API does it without a browser, with curl too.
      </p>
    </noscript>
  ) : null
}

const sample = `@runway.setup(options={'style': runway.category(choices=['day', 'night'])})
def setup(options):
    return load('/checkpoints/' + options['style'] + '.pth')`

function Activation({ data: { view } }: { data: FilesView }) {
  if (!view.rights.changeFiles)
    return (
      <div className="mt-6">
        <EmptyState title="No places for files">
          This version asks for no checkpoints: its setup has no option that takes one.
        </EmptyState>
      </div>
    )
  return (
    <section className="card mt-6 p-5">
      <h2 className="text-lg leading-7 font-semibold">Checkpoints appear here once the model asks for them</h2>
      <p className="mt-1 mb-3 max-w-[68ch] text-fg-muted">
        Declare a <code>category</code>, <code>file</code> or <code>directory</code> option in{' '}
        <code>runway_model.py</code> and push. When the version is ready, each choice of a category and each file option
        is a place for a checkpoint.
      </p>
      <CodeBlock title="runway_model.py" code={sample} />
    </section>
  )
}

function Places({ data, places }: { data: FilesView; places: FilesView['places'] }) {
  const options = [...new Set(places.map(({ place }) => place.option))]
  return options.map((option, i) => {
    const own = places.filter(({ place }) => place.option === option)
    const { kind, description } = own[0]!.place
    return (
      <section key={option} className="mt-8" aria-labelledby={`option-${i}`}>
        <h2 id={`option-${i}`} className="text-lg leading-7 font-semibold">
          <code className="font-mono">{option}</code>{' '}
          <span className="text-[13px] font-normal text-fg-muted">{kindWords[kind]}</span>
        </h2>
        {description ? <p className="mt-1 max-w-[68ch] text-fg-muted">{description}</p> : null}
        <FileGrid>
          {own.map(({ place, ...files }) => (
            <PlaceCard key={place.choice ?? ''} data={data} files={files} place={place} />
          ))}
        </FileGrid>
      </section>
    )
  })
}

const kindWords: Record<Place['kind'], string> = {
  category: 'one file for each choice',
  file: 'a file',
  directory: 'a directory, as a tar archive',
}

const FileGrid = ({ children }: { children: ReactNode }) => (
  <ul className="mt-3 grid gap-4 empty:hidden lg:grid-cols-2">{children}</ul>
)

function PlaceCard({ data, files, place }: { data: FilesView; files: PlaceFiles; place?: Place }) {
  const { current, earlier } = files
  const title = place?.choice ?? (place ? place.option : (current ?? earlier[0])!.name)
  return (
    <li className="card min-w-0 p-4">
      <h3 className="font-semibold" dir="auto">
        {title}
      </h3>
      {current ? <FileFacts data={data} file={current} /> : null}
      {!current && (!place || !data.mayUpload) ? (
        <p className="mt-1 text-fg-muted">{place ? `No file for ${title} yet.` : 'Removed; earlier ones are kept.'}</p>
      ) : null}
      {place && data.mayUpload ? (
        <div className="mt-3">
          {current ? null : <p className="mb-2 text-fg-muted">No file for {title} yet.</p>}
          <DropZone option={place.option} choice={place.choice} replaces={current !== null} />
        </div>
      ) : null}
      {earlier.length > 0 ? (
        <Details summary={`History: ${formatCount(earlier.length, 'earlier file')}`} about={title}>
          <ul className="divide-y divide-border">
            {earlier.map((file) => (
              <li key={file.id} className="py-2">
                <FileFacts data={data} file={file} />
              </li>
            ))}
          </ul>
        </Details>
      ) : null}
    </li>
  )
}

/** What is known of a file, and what can be done with it. */
function FileFacts({ data, file }: { data: FilesView; file: FileWithBlob }) {
  const { path, rights } = data.view
  const { blob } = file
  const here = { path, file: file.id }
  const address = (!file.replacedAt && pathOfPlace(path, file, file.name)) || pathOfFile(path, file)
  return (
    <>
      <p className="mt-1">
        {/* A plain link: it leads out of the site, to the object store. */}
        <a className="link font-medium" href={address}>
          <bdi>{file.name}</bdi>
        </a>{' '}
        <span className="text-fg-muted">{formatBytes(blob.bytes)}</span>
      </p>
      {file.description ? (
        <p className="mt-1 whitespace-pre-line" dir="auto">
          {file.description}
        </p>
      ) : null}
      <p className="mt-1 text-[13px] text-fg-muted">
        Uploaded by {file.uploadedBy} <Time date={file.createdAt} />
        {file.replacedAt ? (
          <>
            , replaced <Time date={file.replacedAt} />
          </>
        ) : null}
      </p>
      <p className="mt-1 flex flex-wrap items-center gap-2 text-[13px] text-fg-muted">
        <span>
          SHA-256 <code className="font-mono">{blob.sha256.slice(0, 12)}</code>
        </span>
        <CopyButton text={blob.sha256} label="Copy SHA-256" />
      </p>
      <PickleNote file={file} />
      <div className="mt-3 flex flex-wrap items-start gap-2">
        <a className="button button-small" href={address}>
          <Download aria-hidden className="size-3.5" strokeWidth={1.75} />
          Download<span className="sr-only"> {file.name}</span>
        </a>
        {rights.changeFiles ? (
          <ConfirmButton
            label="Remove"
            danger
            title={`Remove ${file.name}?`}
            confirm="Remove file"
            action={deleteFileAction}
            hidden={here}
          >
            <p>
              This removes {file.name} ({formatBytes(blob.bytes)}). Links to it, and run lines that name it, stop
              working. This can't be undone.
            </p>
          </ConfirmButton>
        ) : null}
      </div>
      <Details summary="Download with curl" about={file.name}>
        <CodeBlock wrap title="Goes on where it stopped" code={curlLine(data, file, address)} />
      </Details>
      {rights.changeFiles ? (
        <Details summary="Rename or describe" about={file.name}>
          <ActionForm action={changeFileAction} hidden={here} className="space-y-3">
            <label className="block">
              <span className="font-medium">Name</span>
              <input name="name" required maxLength={255} defaultValue={file.name} className="input mt-1" />
            </label>
            <label className="block">
              <span className="font-medium">Description</span>
              <textarea
                name="description"
                rows={2}
                maxLength={2000}
                defaultValue={file.description}
                className="input mt-1 h-auto"
              />
            </label>
            <button type="submit" className="button button-small button-primary">
              Save<span className="sr-only"> {file.name}</span>
            </button>
          </ActionForm>
        </Details>
      ) : null}
    </>
  )
}

/** `-C -` goes on where a download stopped; the address redirects each time. */
function curlLine({ view }: FilesView, file: FileWithBlob, address: string): string {
  const open = view.model.viewersSeeFiles && view.visibility !== 'private'
  const token = open ? '' : ' -H "Authorization: Bearer $TOKEN"'
  return `curl -fL -C - -o ${shellQuote(file.name)}${token} ${shellQuote(context().config.siteUrl + address)}`
}

/** Loading a pickle runs what it imports; people see that before they load it. */
function PickleNote({ file }: { file: FileWithBlob }) {
  const { inspection } = file.blob
  if (!inspection || inspection.format === 'other') return null
  const { imports, complete } = inspection
  return (
    <div className="mt-2 rounded-md bg-warning-bg px-3 py-2 text-[13px]">
      <p className="flex gap-2">
        <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warning" strokeWidth={1.75} />
        <span>
          A pickle: loading it runs code that is in it. Load it only if you trust who made it; safetensors hold numbers
          alone.
        </span>
      </p>
      <Details summary={`It would import ${formatCount(imports.length, 'name')}`} about={file.name}>
        {imports.length > 0 ? (
          <ul className="max-h-48 overflow-auto font-mono">
            {imports.map((name) => (
              <li key={name}>{name === '?' ? 'a name that is computed while loading' : name}</li>
            ))}
          </ul>
        ) : (
          <p>Nothing.</p>
        )}
        {complete ? null : <p className="mt-1">Not all of it could be read; it may import more.</p>}
      </Details>
    </div>
  )
}

function Details({ summary, about, children }: { summary: string; about: string; children: ReactNode }) {
  return (
    <details className="group mt-2">
      <summary className="inline-flex min-h-7 items-center gap-1 text-[13px] font-medium text-fg-muted hover:text-fg">
        <ChevronRight aria-hidden className="size-3.5 group-open:rotate-90" strokeWidth={1.75} />
        {summary}
        <span className="sr-only">, {about}</span>
      </summary>
      <div className="mt-2">{children}</div>
    </details>
  )
}
