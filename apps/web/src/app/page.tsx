import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { loadRecent } from '#src/features/directory/load-directory.ts'
import { HomePage } from '#src/features/home/home-page.tsx'

export default async function Page() {
  const [recent, { user }] = await Promise.all([loadRecent(10), currentActor()])
  return <HomePage recent={recent} githubUrl={context().config.githubWebUrl} login={user?.login ?? null} />
}
