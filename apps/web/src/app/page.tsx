import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { loadDirectory } from '#src/features/directory/load-directory.ts'
import { HomePage } from '#src/features/home/home-page.tsx'

export default async function Page() {
  const [{ models }, { user }] = await Promise.all([loadDirectory({ limit: 10 }), currentActor()])
  return <HomePage recent={models} githubUrl={context().config.githubWebUrl} login={user?.login ?? null} />
}
