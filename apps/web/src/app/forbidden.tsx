import { Page } from '#src/ui/parts.tsx'

export default function Forbidden() {
  return (
    <Page narrow title="Your role does not allow this">
      <p className="text-fg-muted">
        Only people with write access to the repository on GitHub may open this page. Whoever administers the repository
        can give it to you there; nothing needs to change here.
      </p>
    </Page>
  )
}
