import { forbidden, notFound, redirect } from 'next/navigation'
import { Refusal } from '#src/auth/refusal.ts'

/** Runs a page's loader and turns a refusal into the page for it. */
export async function orRefuse<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.kind === 'hidden') notFound()
    if (error.kind === 'forbidden') forbidden()
    if (error.kind === 'sign-in') redirect('/login')
    throw error
  }
}
