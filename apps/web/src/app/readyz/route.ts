import { context } from '#src/context.ts'

export const dynamic = 'force-dynamic'

export async function GET() {
  const ready = await databaseAnswers()
  return new Response(ready ? 'ready\n' : 'the database does not answer\n', {
    status: ready ? 200 : 503,
    headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' },
  })
}

async function databaseAnswers(): Promise<boolean> {
  try {
    await Promise.race([
      context().sql`select 1`,
      new Promise((_, reject) => setTimeout(() => reject(new Error('timeout')), 3000).unref()),
    ])
    return true
  } catch {
    return false
  }
}
