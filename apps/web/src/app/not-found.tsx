import Link from 'next/link'
import { Page } from '#src/ui/parts.tsx'

export default function NotFound() {
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
