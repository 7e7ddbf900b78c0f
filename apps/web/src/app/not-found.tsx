import { headers } from 'next/headers'
import Link from 'next/link'
import { tombstoneAt } from '#src/features/models/tombstone.ts'
import { hereHeader } from '#src/here.ts'
import { Page, Time } from '#src/ui/parts.tsx'

export default async function NotFound() {
  const gone = await tombstoneAt((await headers()).get(hereHeader) ?? '')
  if (gone)
    return (
      <Page narrow title={`${gone.path} was deleted`}>
        <p className="text-fg-muted">
          Its publisher deleted it on <Time date={gone.deletedAt} />. Its versions and files are no longer here.
        </p>
        <p className="mt-4">
          <Link prefetch={false} className="button" href="/models">
            Browse models
          </Link>
        </p>
      </Page>
    )
  return (
    <Page narrow title="There's nothing public at this address">
      <p className="text-fg-muted">
        The address may be mistyped, or what was here may be gone. If it is private and yours,{' '}
        <a className="link" href="/login">
          sign in
        </a>{' '}
        with an account that may see it.
      </p>
      <p className="mt-4">
        <Link prefetch={false} className="button" href="/models">
          Browse models
        </Link>
      </p>
    </Page>
  )
}
