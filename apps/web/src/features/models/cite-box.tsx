import type { Version } from '@modelport/db/queries/versions'
import { apa, bibtex, cff } from '@modelport/schema/model-card/cite'
import { citeVersion } from '#src/features/models/citation.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { Section } from '#src/ui/parts.tsx'

export function CiteBox({ view }: { view: ModelView }) {
  if (!view.version) return null
  return (
    <Section title="Cite" id="cite">
      <details>
        <summary className="font-medium">Cite version {view.version.number}</summary>
        <div className="mt-3 space-y-3">
          <Citation view={view} version={view.version} />
        </div>
      </details>
    </Section>
  )
}

/** The citation of a version in the forms that people paste. */
export function Citation({ view, version }: { view: ModelView; version: Version }) {
  const work = citeVersion(view, version, view.described)
  return (
    <>
      <CodeBlock wrap title="BibTeX" code={bibtex(work)} />
      <CodeBlock wrap title="APA" code={apa(work)} />
      <CodeBlock wrap title="CITATION.cff" code={cff(work)} />
      <p className="text-[13px] text-fg-muted">
        {work.from === 'CITATION.cff'
          ? 'As CITATION.cff asks'
          : 'Made from the title, the attributions and the version'}
        .{' '}
        <a className="link" href={`${view.path}@${version.number}/cite.bib`}>
          Download BibTeX
        </a>
      </p>
    </>
  )
}
