import { api } from '#src/api/route.ts'
import { serveLog } from '#src/features/builds/serve-log.ts'

export const dynamic = 'force-dynamic'
export const GET = api(serveLog)
