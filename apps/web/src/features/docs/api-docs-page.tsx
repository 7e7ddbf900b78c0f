import {
  type ApiDocument,
  type ApiOperation,
  curlOf,
  exampleOf,
  exampleParameter,
  refName,
  type Schema,
  typeName,
} from '#src/features/docs/openapi.ts'
import { TryIt, TryItToken } from '#src/features/docs/try-it.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { Page, Sentence } from '#src/ui/parts.tsx'

/** The API's reference, from the document that the API itself gives out. */
export function ApiDocsPage({ document, signedInAs }: { document: ApiDocument; signedInAs: string | null }) {
  return (
    <Page
      title="API"
      lead={
        <>
          Everything below stands in{' '}
          <a className="link" href="/api/v1/openapi.json">
            openapi.json
          </a>{' '}
          too, for tools that read OpenAPI 3.1.
        </>
      }
    >
      <div className="grid gap-x-10 gap-y-8 lg:grid-cols-[240px_minmax(0,1fr)]">
        <nav
          aria-label="Operations"
          className="lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:self-start lg:overflow-y-auto"
        >
          <ul className="space-y-3">
            {document.groups.map((group) => (
              <li key={group.title}>
                <a className="font-semibold link-quiet" href={`#${anchor(group.title)}`}>
                  {group.title}
                </a>
                <ul className="mt-1 text-[13px]">
                  {group.operations.map((operation) => (
                    <li key={operation.id}>
                      <a className="flex min-h-6 items-center gap-2 link-quiet" href={`#${operation.id}`}>
                        <Method method={operation.method} />
                        <span className="min-w-0 truncate">{operation.id}</span>
                      </a>
                    </li>
                  ))}
                </ul>
              </li>
            ))}
            <li>
              <a className="font-semibold link-quiet" href="#schemas">
                Schemas
              </a>
            </li>
          </ul>
        </nav>
        <div className="min-w-0">
          <Introduction document={document} signedInAs={signedInAs} />
          {document.groups.map((group) => (
            <section key={group.title} className="mt-12" aria-labelledby={anchor(group.title)}>
              <h2 id={anchor(group.title)} className="text-xl leading-7 font-semibold">
                {group.title}
              </h2>
              {group.operations.map((operation) => (
                <Operation key={operation.id} operation={operation} document={document} />
              ))}
            </section>
          ))}
          <section className="mt-12" aria-labelledby="schemas">
            <h2 id="schemas" className="text-xl leading-7 font-semibold">
              Schemas
            </h2>
            {Object.entries(document.schemas).map(([name, schema]) => (
              <div key={name} className="mt-6">
                <h3 id={`schema-${name}`} className="font-mono text-base font-semibold">
                  {name}
                </h3>
                <div className="mt-2">
                  <Properties schema={schema} />
                </div>
              </div>
            ))}
          </section>
        </div>
      </div>
    </Page>
  )
}

function Introduction({ document, signedInAs }: { document: ApiDocument; signedInAs: string | null }) {
  return (
    <div className="max-w-[68ch] space-y-3">
      <p>
        Addresses begin with <code className="font-mono text-[13px]">{document.server}</code>. Requests and answers are
        JSON; lists are <code className="font-mono text-[13px]">{'{"items": [...], "nextCursor": null}'}</code>, and an
        error is <code className="font-mono text-[13px]">application/problem+json</code> with a sentence in{' '}
        <code className="font-mono text-[13px]">detail</code>. What you may not see answers 404, as if it did not exist.
      </p>
      <p>
        A program sends <code className="font-mono text-[13px]">Authorization: Bearer</code> with a{' '}
        <a className="link" href="/settings/tokens">
          token
        </a>
        . “Try it” below sends real requests {signedInAs ? `as ${signedInAs}` : 'as nobody, until you sign in'}, or with
        the token that you paste here; it is forgotten with the page.
      </p>
      <TryItToken />
    </div>
  )
}

function Operation({ operation, document }: { operation: ApiOperation; document: ApiDocument }) {
  const { body } = operation
  return (
    <section className="mt-6 border-t border-border pt-6" aria-labelledby={operation.id}>
      <h3 id={operation.id} className="flex flex-wrap items-center gap-2">
        <Method method={operation.method} />
        <code className="font-mono text-sm font-semibold">{operation.path}</code>
      </h3>
      <p className="mt-2">{operation.summary}.</p>
      {operation.description ? (
        <p className="mt-1 text-fg-muted">
          <Sentence text={operation.description} />
        </p>
      ) : null}
      <div className="mt-4 grid gap-6 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <div className="min-w-0 space-y-5">
          {operation.parameters.length > 0 ? (
            <Rows
              title="Parameters"
              rows={operation.parameters.map((one) => ({
                name: one.name,
                required: one.required,
                note: one.in === 'path' ? 'in the path' : 'in the query',
                schema: one.schema,
                description: one.description,
              }))}
            />
          ) : null}
          {body ? (
            <div>
              <h4 className="font-semibold">
                Body{body.required ? '' : ' (optional)'}: {body.types.join(', ')}
              </h4>
              {body.types[0] === 'application/json' ? <Properties schema={body.schema} /> : null}
            </div>
          ) : null}
          <div>
            <h4 className="font-semibold">Answers</h4>
            <dl className="mt-1 divide-y divide-border">
              {operation.answers.map((answer) => (
                <div key={answer.status} className="py-1.5">
                  <dt className="font-mono text-[13px] font-medium">{answer.status}</dt>
                  <dd className="text-fg-muted">
                    {answer.description}
                    {answer.types.length > 0 ? ` · ${answer.types.join(', ')}` : ''}
                    {answer.schema ? (
                      <>
                        {' · '}
                        <TypeName schema={answer.schema} />
                        <details className="mt-1">
                          <summary className="min-h-6">Example</summary>
                          <CodeBlock
                            title={`Example of ${answer.status}`}
                            code={JSON.stringify(exampleOf(answer.schema, document.schemas), null, 2)}
                          />
                        </details>
                      </>
                    ) : null}
                  </dd>
                </div>
              ))}
            </dl>
          </div>
        </div>
        <div className="min-w-0 space-y-3">
          <CodeBlock wrap title="curl" code={curlOf(operation, document)} />
          <TryIt
            method={operation.method}
            path={operation.path}
            name={operation.id}
            parameters={operation.parameters.map((one) => ({
              name: one.name,
              in: one.in,
              required: one.required,
              example: one.in === 'path' || one.required ? exampleParameter(one) : '',
              choices: (one.schema.enum as string[] | undefined) ?? null,
            }))}
            body={
              body
                ? {
                    types: body.types,
                    example:
                      body.types[0] === 'application/json'
                        ? JSON.stringify(exampleOf(body.schema, document.schemas), null, 2)
                        : null,
                  }
                : null
            }
          />
        </div>
      </div>
    </section>
  )
}

interface Row {
  name: string
  required: boolean
  note?: string
  schema: Schema
  description?: string
}

function Rows({ title, rows }: { title: string; rows: Row[] }) {
  return (
    <div>
      <h4 className="font-semibold">{title}</h4>
      <dl className="mt-1 divide-y divide-border">
        {rows.map((row) => (
          <div key={row.name} className="py-1.5">
            <dt>
              <code className="font-mono text-[13px] font-medium">{row.name}</code>{' '}
              <span className="text-[13px] text-fg-muted">
                <TypeName schema={row.schema} />
                {row.note ? ` · ${row.note}` : ''}
                {row.required ? ' · required' : ''}
              </span>
            </dt>
            {(row.description ?? row.schema.description) ? (
              <dd className="text-fg-muted">
                <Sentence text={row.description ?? row.schema.description!} />
              </dd>
            ) : null}
          </div>
        ))}
      </dl>
    </div>
  )
}

const deepest = 3

/** The properties of an object, of what a list holds, or of each choice. */
function Properties({ schema, depth = 0 }: { schema: Schema; depth?: number }) {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices)
    return (
      <>
        {choices.map((choice) => (
          <Properties key={JSON.stringify(choice)} schema={choice} depth={depth} />
        ))}
      </>
    )
  if (schema.items) return <Properties schema={schema.items} depth={depth} />
  const rows = Object.entries(schema.properties ?? {})
  if (rows.length === 0 || depth > deepest) return null
  return (
    <dl className={`divide-y divide-border ${depth > 0 ? 'ms-4 border-s border-border ps-3' : ''}`}>
      {rows.map(([name, value]) => (
        <div key={name} className="py-1.5">
          <dt>
            <code className="font-mono text-[13px] font-medium">{name}</code>{' '}
            <span className="text-[13px] text-fg-muted">
              <TypeName schema={value} />
              {schema.required?.includes(name) ? '' : ' · optional'}
            </span>
          </dt>
          <dd>
            {value.description ? (
              <p className="text-fg-muted">
                <Sentence text={value.description} />
              </p>
            ) : null}
            <Properties schema={value} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function TypeName({ schema }: { schema: Schema }) {
  const name = refName(schema) ?? refName(schema.items ?? {})
  if (!name) return typeName(schema)
  return (
    <>
      {schema.items ? 'list of ' : ''}
      <a className="link" href={`#schema-${name}`}>
        {name}
      </a>
    </>
  )
}

const tones: Record<string, string> = {
  GET: 'text-info bg-info-bg',
  POST: 'text-success bg-success-bg',
  PUT: 'text-warning bg-warning-bg',
  PATCH: 'text-warning bg-warning-bg',
  DELETE: 'text-danger bg-danger-bg',
}

function Method({ method }: { method: string }) {
  return (
    <span
      className={`inline-block min-w-14 rounded-sm px-1.5 text-center font-mono text-xs leading-5 font-semibold ${tones[method]}`}
    >
      {method}
    </span>
  )
}

const anchor = (title: string) => title.toLowerCase().replaceAll(/\W+/g, '-')
