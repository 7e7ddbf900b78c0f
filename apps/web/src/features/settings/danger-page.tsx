import { restoreDays } from '@modelport/db/queries/model-life'
import { archiveAction, deleteAction, renameAction } from '#src/features/settings/actions.ts'
import { Field, Shown } from '#src/features/settings/card.tsx'
import type { DangerView } from '#src/features/settings/load-settings.ts'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { ActionForm } from '#src/ui/action-form.tsx'
import { formatBytes } from '#src/ui/format.ts'
import { Banner } from '#src/ui/parts.tsx'

/** Renaming, archiving and deleting; for owners. Everything stands on the page, so that it works without JavaScript. */
export function DangerPage({ data: { view, counts, oldNames } }: { data: DangerView }) {
  const { model, path, publisher } = view
  const name = path.slice(1)
  return (
    <SettingsFrame view={view} part="danger">
      <Shown title="Rename">
        <p className="text-fg-muted">
          The name in addresses here; the repository on GitHub keeps its own, which is{' '}
          <code className="font-mono">{model.name}</code>. Every old address, of pages and of the API, with its version,
          tab and query, leads to the new one for ever, unless {publisher.slug} takes it for another model.
        </p>
        <ActionForm guard action={renameAction} hidden={{ path }} className="mt-3 space-y-3">
          <Field
            label="Name"
            hint="Letters, digits, dots, hyphens and underscores; capitals become small. Empty: the repository’s."
          >
            <span className="flex flex-wrap items-center gap-2">
              <span className="text-fg-muted">{publisher.slug} /</span>
              <input
                name="name"
                maxLength={100}
                pattern="[A-Za-z0-9._\-]*"
                spellCheck={false}
                autoComplete="off"
                defaultValue={model.slug}
                className="input max-w-80 flex-1 font-mono"
              />
            </span>
          </Field>
          <button type="submit" className="button">
            Rename model
          </button>
        </ActionForm>
        {oldNames.length > 0 ? (
          <details className="mt-3">
            <summary>Addresses that lead here ({oldNames.length})</summary>
            <ul className="mt-2 list-disc ps-5 font-mono text-[13px]">
              {oldNames.map((old) => (
                <li key={old}>/{old}</li>
              ))}
            </ul>
          </details>
        ) : null}
      </Shown>

      <Shown title="Archive">
        {model.repositoryArchived ? (
          <p className="text-fg-muted">
            The repository is archived on GitHub, and the model with it. Unarchive it there.
          </p>
        ) : (
          <>
            <p className="text-fg-muted">
              {model.archivedBy
                ? 'The model is read-only. Unarchived, pushes make versions again.'
                : 'Makes the model read-only: it can be used, nothing is built, and what builds now is cancelled. It can be taken back at any time.'}
            </p>
            <ActionForm
              action={archiveAction}
              hidden={{ path, archived: model.archivedBy ? 'no' : 'yes' }}
              className="mt-3"
            >
              <button type="submit" className="button">
                {model.archivedBy ? 'Unarchive model' : 'Archive model'}
              </button>
            </ActionForm>
          </>
        )}
      </Shown>

      <section aria-labelledby="delete" className="card border-danger p-5 max-sm:p-3">
        <h2 id="delete" className="text-lg leading-7 font-semibold">
          Delete
        </h2>
        <p className="mt-2">
          This deletes {plural(counts.versions, 'version')}, {plural(counts.images, 'image')}
          {counts.imageBytes > 0 ? ` (${formatBytes(counts.imageBytes)})` : ''} and {plural(counts.files, 'file')}
          {counts.fileBytes > 0 ? ` (${formatBytes(counts.fileBytes)})` : ''}. Links to {name} stop working
          {counts.oldNames > 0 ? `, and so do ${plural(counts.oldNames, 'old address', 'old addresses')}` : ''}. The
          repository on GitHub is not touched, and its pushes make nothing here any more.
        </p>
        <p className="mt-2 text-fg-muted">
          For {restoreDays} days an owner can bring it back from their dashboard, whole. Importing the repository brings
          it back too.
        </p>
        {counts.running > 0 ? (
          <div className="mt-3">
            <Banner kind="warning">{plural(counts.running, 'build')} under way will be cancelled.</Banner>
          </div>
        ) : null}
        <ActionForm action={deleteAction} hidden={{ path }} className="mt-4 space-y-3">
          <Field label={`Type ${name} to confirm`}>
            <input name="confirm" required autoComplete="off" spellCheck={false} className="input max-w-96 font-mono" />
          </Field>
          <button type="submit" className="button button-danger">
            Delete model
          </button>
        </ActionForm>
      </section>
    </SettingsFrame>
  )
}

const plural = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`
