import { appEnvironment } from '@modelport/schema/github-app'
import type { loadConnected } from '#src/features/connect/load-connect.ts'
import { CodeBlock } from '#src/ui/code-block.tsx'
import { Banner, Page } from '#src/ui/parts.tsx'

/** The keys of the app that GitHub has just made; this answer is the only place where they stand. */
export function ConnectedPage({ data }: { data: Awaited<ReturnType<typeof loadConnected>> }) {
  if (data.problem !== undefined)
    return (
      <Page title="The app was not connected" lead={data.problem} narrow>
        <a className="button" href="/admin/connect">
          Back to “Connect your GitHub App”
        </a>
      </Page>
    )
  const { app, github } = data
  return (
    <Page
      title="Save the keys of your app"
      lead={
        <>
          GitHub made{' '}
          <a className="link" href={app.html_url}>
            {app.slug}
          </a>
          . Its keys stand on this page only.
        </>
      }
      narrow
    >
      <Banner kind="warning">
        Nothing of this is stored here. When you leave the page, the keys can only be made anew on GitHub.
      </Banner>
      <ol className="mt-4 list-decimal space-y-4 pl-6">
        <li>
          Put these lines into the environment of web, receiver and worker, in place of those with the same names. With
          Docker Compose that is <code className="font-mono">infra/compose.env</code>.
          <div className="mt-2">
            <CodeBlock title="Environment" code={appEnvironment(app, github)} />
          </div>
        </li>
        <li>
          Start them again.
          <div className="mt-2">
            <CodeBlock
              title="Docker Compose"
              code="docker compose --env-file infra/compose.env -f infra/compose.yml up -d"
              wrap
            />
          </div>
        </li>
        <li>
          <a className="link" href={`${app.html_url}/installations/new`}>
            Install the app
          </a>{' '}
          on an account that has models, then come back to the checks on{' '}
          <a className="link" href="/admin/connect">
            Connect your GitHub App
          </a>
          .
        </li>
      </ol>
    </Page>
  )
}
