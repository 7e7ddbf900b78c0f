import type { ModelView } from '#src/features/models/load-model-view.ts'
import {
  constraintWords,
  defaultWords,
  type ManifestCommand,
  type ManifestField,
  readManifest,
  signature,
  typeWords,
} from '#src/features/models/manifest.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { curlSnippet, javascriptSnippet, pythonSnippet } from '#src/features/models/snippets.ts'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { EmptyState, Section } from '#src/ui/parts.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export function ApiPage({ view }: { view: ModelView }) {
  const manifest = readManifest(view.version?.manifest)
  return (
    <ModelFrame view={view} tab="api">
      <h1 className="text-2xl leading-8 font-semibold">
        API{view.version ? ` of version ${view.version.number}` : ''}
      </h1>
      {manifest ? (
        <>
          <p className="mt-1 max-w-[68ch] text-fg-muted">
            A running image answers HTTP on port 9000: each command takes and returns JSON. The interface was read from
            the image itself.
          </p>
          <div className="mt-8 space-y-10">
            {manifest.commands.map((command) => (
              <Command key={command.name} command={command} />
            ))}
            {manifest.options.length > 0 ? (
              <Section title="Set-up options" id="options">
                <p className="mb-3 text-fg-muted">
                  Chosen before the model starts, as JSON in the variable RW_MODEL_OPTIONS.
                </p>
                <Fields fields={manifest.options} caption="Set-up options" />
              </Section>
            ) : null}
            {view.version ? (
              <p>
                <a className="link" href={`/api/v1/models${view.path}/versions/${view.version.number}`}>
                  The manifest as JSON
                </a>
              </p>
            ) : null}
          </div>
        </>
      ) : (
        <div className="mt-6">
          <EmptyState title="No interface yet">It is read from the running image when a version is ready.</EmptyState>
        </div>
      )}
    </ModelFrame>
  )
}

function Command({ command }: { command: ManifestCommand }) {
  return (
    <section aria-labelledby={`command-${command.name}`}>
      <h2 id={`command-${command.name}`} className="font-mono text-lg leading-7 font-semibold">
        {command.name}
      </h2>
      <p className="mt-1">
        <code className="font-mono text-[13px] text-fg-muted">{signature(command)}</code>
      </p>
      {command.description ? <p className="mt-2 max-w-[68ch]">{command.description}</p> : null}
      <div className="mt-4 grid gap-6 xl:grid-cols-[minmax(0,1fr)_480px]">
        <div className="min-w-0 space-y-5">
          <Fields fields={command.inputs} caption="Inputs" />
          <Fields fields={command.outputs} caption="Outputs" output />
        </div>
        <div className="min-w-0 space-y-3">
          <CodeBlock wrap title="curl" code={curlSnippet(command)} />
          <details>
            <summary className="min-h-6 font-medium">Python</summary>
            <div className="mt-2">
              <CodeBlock wrap title="Python" code={pythonSnippet(command)} />
            </div>
          </details>
          <details>
            <summary className="min-h-6 font-medium">JavaScript</summary>
            <div className="mt-2">
              <CodeBlock wrap title="JavaScript" code={javascriptSnippet(command)} />
            </div>
          </details>
        </div>
      </div>
    </section>
  )
}

function Fields({ fields, caption, output }: { fields: ManifestField[]; caption: string; output?: boolean }) {
  const columns = output ? ['Name', 'Type', 'Description'] : ['Name', 'Type', 'Constraints', 'Default', 'Description']
  return (
    <ScrollBox className="table-scroll card" label={caption}>
      {/* Wide enough that no word breaks; narrow screens scroll it. */}
      <table className={`w-full ${output ? 'min-w-96' : 'min-w-[40rem]'}`}>
        <caption className="border-b border-border px-3 py-2 text-start font-semibold">{caption}</caption>
        <thead className="bg-bg-subtle text-[13px] text-fg-muted">
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" className="px-3 py-1.5 text-start font-medium">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-border border-t border-border align-top">
          {fields.map((field) => (
            <tr key={field.name}>
              <th scope="row" className="px-3 py-2 text-start font-mono text-[13px] font-medium">
                {field.name}
              </th>
              <td className="px-3 py-2 whitespace-nowrap">
                <span className="chip bg-accent-subtle text-accent-text">{typeWords(field)}</span>
              </td>
              {output ? null : (
                <>
                  <td className="px-3 py-2 text-fg-muted">{constraintWords(field).join('; ') || '–'}</td>
                  <td className="px-3 py-2 font-mono text-[13px]">{defaultWords(field) ?? '–'}</td>
                </>
              )}
              <td className="min-w-40 px-3 py-2 text-fg-muted">{field.description || '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
