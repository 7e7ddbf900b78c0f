import { Citation } from '#src/features/models/cite-box.tsx'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { EmptyState } from '#src/ui/parts.tsx'

export function CitePage({ view }: { view: ModelView }) {
  const { version } = view
  return (
    <ModelFrame view={view} tab="cite">
      <h1 className="text-2xl leading-8 font-semibold">Cite{version ? ` version ${version.number}` : ''}</h1>
      {version ? (
        <div className="mt-6 max-w-[760px] space-y-3">
          <Citation view={view} version={version} />
        </div>
      ) : (
        <div className="mt-6">
          <EmptyState title="Nothing to cite yet">A citation names a version, and none is ready.</EmptyState>
        </div>
      )}
    </ModelFrame>
  )
}
