import { signOut } from '#src/auth/sign-in.ts'

export const dynamic = 'force-dynamic'
export const POST = (request: Request) => signOut(request)
