import { context } from '#src/context.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { SettingsFrame } from '#src/features/settings/settings-frame.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { EmptyState } from '#src/ui/parts.tsx'

const badges = [
  { kind: 'status', words: 'Build status' },
  { kind: 'version', words: 'Version' },
  { kind: 'license', words: 'License' },
]

/** Badges to copy into a README, as three markup languages write them. */
export function BadgesPage({ view }: { view: ModelView }) {
  const { path } = view
  const { siteUrl } = context().config
  const page = `${siteUrl}${path}`
  if (view.visibility === 'private')
    return (
      <SettingsFrame view={view} part="badges">
        <EmptyState title="Badges of a private model say “unknown”">
          They are the same for everybody, and so may say nothing of it. Once the model is public or unlisted, they are
          here to copy.
        </EmptyState>
      </SettingsFrame>
    )
  return (
    <SettingsFrame view={view} part="badges">
      <p className="max-w-[68ch] text-fg-muted">
        For the README. They say what visitors may know, and follow the default version. Add{' '}
        <code className="font-mono">?style=square</code>, <code className="font-mono">?label=</code>,{' '}
        <code className="font-mono">?version=</code> or <code className="font-mono">?target=gpu</code> to an address.
      </p>
      {badges.map(({ kind, words }) => {
        const image = `${page}/badge/${kind}.svg`
        return (
          <section key={kind} aria-labelledby={kind} className="card p-5 max-sm:p-3">
            <h2 id={kind} className="flex flex-wrap items-center gap-3 text-lg leading-7 font-semibold">
              {words}
              {/* biome-ignore lint/performance/noImgElement: an SVG of ours that no optimiser needs to touch */}
              <img src={`${path}/badge/${kind}.svg`} alt={`The badge as it is now`} height={20} />
            </h2>
            <div className="mt-3 space-y-3">
              <CodeBlock wrap title="Markdown" code={`[![${words}](${image})](${page})`} />
              <CodeBlock wrap title="HTML" code={`<a href="${page}"><img src="${image}" alt="${words}"></a>`} />
              <CodeBlock
                wrap
                title="reStructuredText"
                code={`.. image:: ${image}\n   :target: ${page}\n   :alt: ${words}`}
              />
            </div>
          </section>
        )
      })}
    </SettingsFrame>
  )
}
