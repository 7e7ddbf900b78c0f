import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { EmptyState } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export function LicensePage({ view }: { view: ModelView }) {
  const licence = view.version?.licence ?? view.model.licence
  return (
    <ModelFrame view={view} tab="license">
      <h1 className="text-2xl leading-8 font-semibold">License</h1>
      {licence ? (
        <>
          <p className="mt-1 max-w-[68ch] text-fg-muted">
            {licence.spdx ? `The text reads like ${licence.spdx}` : 'The text is none of the common licences'}; it was
            found in{' '}
            <a
              className="link"
              href={`${view.repositoryUrl}/blob/${view.version?.commit ?? view.model.branch}/${licence.file.split('/').map(encodeURIComponent).join('/')}`}
            >
              {licence.file}
            </a>
            . This is not legal advice.
          </p>
          <ScrollBox label="Text of the licence" className="card mt-6 max-w-[90ch] overflow-auto">
            <pre className="p-4 font-mono text-[13px] leading-5 whitespace-pre-wrap">{licence.text}</pre>
          </ScrollBox>
        </>
      ) : (
        <div className="mt-6">
          <EmptyState title="No licence stated">
            Without one, nobody but its owners may use this model beyond what the law allows.
            {view.rights.settings ? ' Commit a LICENSE file and push; it appears with the next version.' : ''}
          </EmptyState>
        </div>
      )}
    </ModelFrame>
  )
}
