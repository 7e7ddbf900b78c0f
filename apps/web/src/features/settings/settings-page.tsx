import type { ReactNode } from 'react'
import { context } from '#src/context.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { deleteAction, policyAction, settingsAction } from '#src/features/settings/actions.ts'
import { ActionForm } from '#src/ui/action-form.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { ConfirmButton } from '#src/ui/confirm-button.tsx'
import { sourceWords } from '#src/ui/parts.tsx'

const badges = [
  { kind: 'status', words: 'Build status' },
  { kind: 'version', words: 'Version' },
  { kind: 'license', words: 'License' },
]

export function SettingsPage({ view, readyNumbers }: { view: ModelView; readyNumbers: number[] }) {
  const { model, path, defaultVersion, described } = view
  const { edited } = model
  const { siteUrl } = context().config
  const hint = (key: 'title' | 'summary' | 'keywords' | 'links' | 'authors') => {
    const from = described[key]?.from
    if (from === undefined) return 'The repository says nothing; nothing is shown.'
    return from === 'edited' ? 'Edited here. Empty it to take the repository’s.' : `Now from ${sourceWords[from]}.`
  }
  return (
    <ModelFrame view={view} tab="settings">
      <h1 className="text-2xl leading-8 font-semibold">Settings</h1>
      <p className="mt-1 max-w-[68ch] text-fg-muted">
        Publishers and their roles come from the repository on GitHub and are changed there.
      </p>
      <div className="mt-6 max-w-[760px] space-y-6">
        <Card title="General" path={path}>
          <p className="text-fg-muted">
            What is written here wins over runway.yml, the README's front matter, CITATION.cff and GitHub. An empty
            field takes the repository's.
          </p>
          <Field label="Title" hint={hint('title')}>
            <input name="title" maxLength={200} defaultValue={edited.title ?? ''} className="input" />
          </Field>
          <Field label="Summary" hint={hint('summary')}>
            <input name="summary" maxLength={500} defaultValue={edited.summary ?? ''} className="input" />
          </Field>
          <Field label="Keywords, one on a line" hint={hint('keywords')}>
            <textarea
              name="keywords"
              rows={3}
              defaultValue={edited.keywords?.join('\n') ?? ''}
              className="input h-auto"
            />
          </Field>
          <Field label="Papers and links, one on a line as: title | address" hint={hint('links')}>
            <textarea
              name="links"
              rows={3}
              defaultValue={edited.links?.map((l) => `${l.title} | ${l.url}`).join('\n') ?? ''}
              className="input h-auto"
            />
          </Field>
          <Field label="Attributions, one on a line as: name | role | address" hint={hint('authors')}>
            <textarea
              name="authors"
              rows={3}
              defaultValue={
                edited.authors?.map((a) => [a.name, a.role ?? '', a.url ?? ''].join(' | ')).join('\n') ?? ''
              }
              className="input h-auto"
            />
          </Field>
          {Object.keys(edited).length > 0 ? (
            <label className="flex items-center gap-3">
              <input type="checkbox" name="reset" className="size-4 shrink-0 accent-accent" />
              <span>Reset all of these to the repository's</span>
            </label>
          ) : null}
        </Card>

        <Card title="Visibility" path={path}>
          {model.repositoryPrivate ? (
            <p>The repository is private on GitHub, so the model is private whatever is chosen here.</p>
          ) : null}
          <fieldset>
            <legend className="sr-only">Visibility</legend>
            <Choice
              name="visibility"
              value="public"
              checked={model.visibility === 'public'}
              title="Public"
              hint="In the directory, for everybody."
            />
            <Choice
              name="visibility"
              value="unlisted"
              checked={model.visibility === 'unlisted'}
              title="Unlisted"
              hint="For everybody who has the address; in no list and no search engine."
            />
            <Choice
              name="visibility"
              value="private"
              checked={model.visibility === 'private'}
              title="Private"
              hint="For people with write access to the repository; for everybody who may read it when the repository is private too."
            />
          </fieldset>
          <input type="hidden" name="boxes" value="viewersSeeVersions" />
          <input type="hidden" name="boxes" value="viewersSeeLogs" />
          <input type="hidden" name="boxes" value="viewersSeeFiles" />
          <Box
            name="viewersSeeVersions"
            checked={model.viewersSeeVersions}
            title="Open the versions to viewers"
            hint="Everybody who sees the model sees failed and running versions too, and what happened to each push."
          />
          <Box
            name="viewersSeeLogs"
            checked={model.viewersSeeLogs}
            title="Open the build logs to viewers"
            hint="Logs hold whatever the build steps print."
          />
          <Box
            name="viewersSeeFiles"
            checked={model.viewersSeeFiles}
            title="Open the files to viewers"
            hint="Everybody who sees the model can list and download its checkpoints; the run line then names them by their address."
          />
        </Card>

        <section className="card p-5">
          <h2 className="text-lg leading-7 font-semibold">Default version</h2>
          <p className="mt-1 text-fg-muted">
            {defaultVersion ? `Visitors get version ${defaultVersion.number}.` : 'There is none yet.'} Moving it
            rebuilds nothing.
          </p>
          <ActionForm action={policyAction} hidden={{ path }} className="mt-3 space-y-3">
            <fieldset>
              <legend className="sr-only">Policy</legend>
              <Choice
                name="policy"
                value="latest"
                checked={model.defaultPolicy === 'latest'}
                title="Latest ready version"
                hint={`The newest ready version of ${model.branch} becomes the default by itself.`}
              />
              <Choice
                name="policy"
                value="pinned"
                checked={model.defaultPolicy === 'pinned'}
                title="Pinned"
                hint="The version below stays the default until somebody changes it."
              />
            </fieldset>
            {readyNumbers.length > 0 ? (
              <Field label="Version to pin">
                <select name="version" defaultValue={defaultVersion?.number} className="input">
                  {readyNumbers.map((number) => (
                    <option key={number} value={number}>
                      Version {number}
                    </option>
                  ))}
                </select>
              </Field>
            ) : null}
            <button type="submit" className="button button-primary">
              Save default version
            </button>
          </ActionForm>
        </section>

        <Card title="Builds" path={path}>
          <Field label="Branch" hint="Pushes to it make versions. Earlier versions stay.">
            <input name="branch" required maxLength={250} defaultValue={model.branch} className="input font-mono" />
          </Field>
          <Field label="When something asked for cannot be had">
            <select name="substitutionPolicy" defaultValue={model.substitutionPolicy ?? ''} className="input">
              <option value="">As this installation does by default</option>
              <option value="nearest">Take the nearest, and say so</option>
              <option value="exact">Fail, and name what is available</option>
            </select>
          </Field>
        </Card>

        {view.visibility === 'private' ? null : (
          <section className="card p-5">
            <h2 id="badges" className="text-lg leading-7 font-semibold">
              Badges
            </h2>
            <p className="mt-1 mb-3 text-fg-muted">
              For the README; they say what visitors may know, and follow the default version.
            </p>
            <p className="mb-3 flex flex-wrap gap-2">
              {badges.map(({ kind, words }) => (
                // biome-ignore lint/performance/noImgElement: an SVG of ours that no optimiser needs to touch
                <img key={kind} src={`${path}/badge/${kind}.svg`} alt={words} height={20} />
              ))}
            </p>
            <CodeBlock
              wrap
              title="Markdown"
              code={badges
                .map(({ kind, words }) => `[![${words}](${siteUrl}${path}/badge/${kind}.svg)](${siteUrl}${path})`)
                .join('\n')}
            />
          </section>
        )}

        {view.rights.delete ? (
          <section className="card border-danger p-5">
            <h2 className="text-lg leading-7 font-semibold">Danger zone</h2>
            <p className="mt-1 mb-3 text-fg-muted">
              Deleting takes the page and all versions away. The repository on GitHub is not touched.
            </p>
            <ConfirmButton
              label="Delete this model"
              danger
              title={`Delete ${path.slice(1)}?`}
              confirm="Delete model"
              action={deleteAction}
              hidden={{ path }}
            >
              <p>Links to it stop working. Numbers of its versions are not used again.</p>
              <Field label={`Type ${path.slice(1)} to confirm`}>
                <input name="confirm" required autoComplete="off" className="input" />
              </Field>
            </ConfirmButton>
          </section>
        ) : null}
      </div>
    </ModelFrame>
  )
}

function Card({ title, path, children }: { title: string; path: string; children: ReactNode }) {
  return (
    <section className="card p-5">
      <h2 className="text-lg leading-7 font-semibold">{title}</h2>
      <ActionForm action={settingsAction} hidden={{ path }} className="mt-3 space-y-4">
        {children}
        <button type="submit" className="button button-primary">
          Save {title.toLowerCase()}
        </button>
      </ActionForm>
    </section>
  )
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className="block">
      <span className="font-medium">{label}</span>
      {hint ? <span className="block text-[13px] text-fg-muted">{hint}</span> : null}
      <span className="mt-1 block">{children}</span>
    </label>
  )
}

function Choice(props: { name: string; value: string; checked: boolean; title: string; hint: string }) {
  return (
    <label className="flex gap-3 py-1.5">
      <input
        type="radio"
        name={props.name}
        value={props.value}
        defaultChecked={props.checked}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span>
        <span className="font-medium">{props.title}</span>
        <span className="block text-[13px] text-fg-muted">{props.hint}</span>
      </span>
    </label>
  )
}

function Box(props: { name: string; checked: boolean; title: string; hint: string }) {
  return (
    <label className="flex gap-3">
      <input
        type="checkbox"
        name={props.name}
        defaultChecked={props.checked}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span>
        <span className="font-medium">{props.title}</span>
        <span className="block text-[13px] text-fg-muted">{props.hint}</span>
      </span>
    </label>
  )
}
