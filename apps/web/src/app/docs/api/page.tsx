import type { Metadata } from 'next'
import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { ApiDocsPage } from '#src/features/docs/api-docs-page.tsx'
import { readApiDocument } from '#src/features/docs/openapi.ts'

export const metadata: Metadata = {
  title: 'API',
  description: 'Every operation of this installation’s API, with its parameters, its answers and a way to try it.',
}

export default async function Page() {
  const { user } = await currentActor()
  return <ApiDocsPage document={readApiDocument(context().config.siteUrl)} signedInAs={user?.login ?? null} />
}
