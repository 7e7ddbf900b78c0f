import { knownLicences } from '@modelport/schema/licence/terms'
import type { Edits, Source } from '@modelport/schema/model-card/describe'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { Card, Field } from '#src/features/settings/card.tsx'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { sourceWords } from '#src/ui/parts.tsx'

const lines = (rows: (string | null | undefined)[][]) =>
  rows
    .map((row) =>
      row
        .map((part) => part ?? '')
        .join(' | ')
        .replace(/( \| )+$/, ''),
    )
    .join('\n')

/** What a publisher says of a model here, over what its repository says. */
export function GeneralPage({ view }: { view: ModelView }) {
  const { model, path, described, licence } = view
  const { edited } = model
  const hint = (from: Source | null | undefined) =>
    from
      ? from === 'edited'
        ? 'Written here. Empty it to take the repository’s.'
        : `Now from ${sourceWords[from]}.`
      : 'The repository says nothing, and nothing is shown.'
  const editedOf = (...keys: (keyof Edits)[]) => keys.filter((key) => edited[key] !== undefined)
  const custom = edited.licence && 'name' in edited.licence ? edited.licence : null
  return (
    <SettingsFrame view={view} part="general">
      <p className="max-w-[68ch] text-fg-muted">
        What is written here wins over runway.yml, the README’s front matter, CITATION.cff and GitHub. A mark on the
        pages says where each value comes from.
      </p>
      <Card title="Title and summary" path={path} reset={editedOf('title', 'summary')}>
        <Field label="Title" hint={hint(described.title?.from)}>
          <input
            name="title"
            maxLength={200}
            defaultValue={edited.title ?? ''}
            placeholder={described.title?.value}
            className="input"
          />
        </Field>
        <Field label="Summary, one line" hint={hint(described.summary?.from)}>
          <input
            name="summary"
            maxLength={500}
            defaultValue={edited.summary ?? ''}
            placeholder={described.summary?.value}
            className="input"
          />
        </Field>
      </Card>

      <Card
        title="Overview"
        path={path}
        from={described.overview?.from}
        reset={editedOf('overview')}
        lead="Markdown, shown in place of the README. Empty, the README of the version is shown."
      >
        <Field label="Text">
          <textarea
            name="overview"
            rows={10}
            maxLength={65_536}
            defaultValue={edited.overview ?? ''}
            className="input font-mono text-[13px]"
          />
        </Field>
      </Card>

      <Card title="Keywords and links" path={path} reset={editedOf('keywords', 'links')}>
        <Field label="Keywords, one on a line" hint={hint(described.keywords?.from)}>
          <textarea
            name="keywords"
            rows={3}
            defaultValue={edited.keywords?.join('\n') ?? ''}
            placeholder={described.keywords?.value.join('\n')}
            className="input"
          />
        </Field>
        <Field label="Papers and links, one on a line: title | address" hint={hint(described.links?.from)}>
          <textarea
            name="links"
            rows={3}
            defaultValue={lines(edited.links?.map((link) => [link.title, link.url]) ?? [])}
            placeholder={lines(described.links?.value.map((link) => [link.title, link.url]) ?? [])}
            className="input"
          />
        </Field>
      </Card>

      <Card
        title="Attributions"
        path={path}
        from={described.authors?.from}
        reset={editedOf('authors')}
        lead="The people and institutions behind the model, which need not be its publishers."
      >
        <Field label="One on a line: name | role | address" hint={hint(described.authors?.from)}>
          <textarea
            name="authors"
            rows={4}
            defaultValue={lines(edited.authors?.map((author) => [author.name, author.role, author.url]) ?? [])}
            placeholder={lines(described.authors?.value.map((author) => [author.name, author.role, author.url]) ?? [])}
            className="input"
          />
        </Field>
      </Card>

      <Card
        title="Licence"
        path={path}
        from={licence.from}
        reset={editedOf('licence')}
        lead={
          licence.name
            ? `Visitors read ${licence.name}. What is chosen here is what they read; the text of the licence file stays beside it, and a difference between the two is shown.`
            : 'Visitors read that none is stated.'
        }
      >
        <Field label="SPDX id" hint="For example Apache-2.0. Leave it empty for a licence that has none.">
          <input
            name="licenseSpdx"
            list="known-licences"
            maxLength={100}
            autoComplete="off"
            spellCheck={false}
            defaultValue={edited.licence && 'spdx' in edited.licence ? edited.licence.spdx : ''}
            className="input"
          />
        </Field>
        <datalist id="known-licences">
          {knownLicences.map(({ spdx, name }) => (
            <option key={spdx} value={spdx}>
              {name}
            </option>
          ))}
        </datalist>
        <Field label="Or its name">
          <input name="licenseName" maxLength={100} defaultValue={custom?.name ?? ''} className="input" />
        </Field>
        <Field label="And the address of its text">
          <input name="licenseUrl" type="url" maxLength={1000} defaultValue={custom?.url ?? ''} className="input" />
        </Field>
      </Card>

      <Card
        title="Performance notes"
        path={path}
        from={described.performance?.from}
        reset={editedOf('performance')}
        lead="What you measured, as a table on the overview."
      >
        <Field label="One on a line: hardware | median time | memory | measured on version">
          <textarea
            name="performance"
            rows={4}
            placeholder="NVIDIA T4 | 1.2 s | 3.1 GB | 4"
            defaultValue={lines(
              edited.performance?.map((row) => [row.hardware, row.time, row.memory, row.version?.toString()]) ?? [],
            )}
            className="input"
          />
        </Field>
      </Card>
    </SettingsFrame>
  )
}
