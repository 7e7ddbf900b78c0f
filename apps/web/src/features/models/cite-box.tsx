import { apa, bibtex, cff } from '@modelport/schema/model-card/cite'
import { citeVersion } from '#src/features/models/citation.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { Section } from '#src/ui/parts.tsx'

export function CiteBox({ view }: { view: ModelView }) {
  if (!view.version) return null
  const work = citeVersion(view, view.version, view.described)
  const pinned = `${view.path}@${view.version.number}`
  return (
    <Section title="Cite" id="cite">
      <details>
        <summary className="font-medium">Cite version {view.version.number}</summary>
        <div className="mt-3 space-y-3">
          <CodeBlock wrap title="BibTeX" code={bibtex(work)} />
          <CodeBlock wrap title="APA" code={apa(work)} />
          <CodeBlock wrap title="CITATION.cff" code={cff(work)} />
          <p className="text-[13px] text-fg-muted">
            {work.from === 'CITATION.cff'
              ? 'As CITATION.cff asks'
              : 'Made from the title, the attributions and the version'}
            .{' '}
            <a className="link" href={`${pinned}/cite.bib`}>
              Download BibTeX
            </a>
          </p>
        </div>
      </details>
    </Section>
  )
}
