import { api } from '#src/api/route.ts'
import { hidden } from '#src/auth/refusal.ts'

export const dynamic = 'force-dynamic'

/** What is no address of the API answers like what may not be seen. */
const nothing = api<{ rest: string[] }>(async () => {
  throw hidden()
})

export { nothing as DELETE, nothing as GET, nothing as PATCH, nothing as POST, nothing as PUT }
