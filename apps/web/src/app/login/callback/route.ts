import { finishSignIn } from '#src/auth/sign-in.ts'

export const dynamic = 'force-dynamic'
export const GET = (request: Request) => finishSignIn(request)
