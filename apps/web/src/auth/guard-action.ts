import { ModelChangeError } from '@modelport/db/queries/model-life'
import { DefaultVersionError } from '@modelport/db/queries/models'
import { RebuildError } from '@modelport/db/queries/versions'
import { headers } from 'next/headers'
import { z } from 'zod'
import type { RequestActor } from '#src/auth/actor.ts'
import { GithubUnavailable } from '#src/auth/github.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { isSameOrigin } from '#src/auth/same-origin.ts'
import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

/**
 * Runs what a form of the site asks for, for the person who is signed in. Next calls actions for anybody who knows their
 * id, so each begins here, and what it does asks `can` again.
 */
export async function guardAction(run: (actor: RequestActor) => Promise<ActionResult>): Promise<ActionResult> {
  if (!isSameOrigin(await headers(), context().config.siteUrl))
    return { error: 'This form was not sent from a page of this site.' }
  const actor = await currentActor()
  if (!actor.user) return { error: 'You are signed out. Sign in and try again.' }
  try {
    return await run(actor)
  } catch (error) {
    if ([Refusal, DefaultVersionError, ModelChangeError, RebuildError].some((kind) => error instanceof kind))
      return { error: (error as Error).message }
    if (error instanceof GithubUnavailable) {
      console.error('GitHub could not be asked.', error.cause ?? error)
      return { error: 'GitHub could not be asked. Try again in a minute.' }
    }
    if (error instanceof z.ZodError)
      // A message that is a sentence of its own needs no name of a field before it.
      return {
        error: error.issues
          .map((i) => (/^\p{Lu}/u.test(i.message) ? i.message : `${i.path.join('.')}: ${i.message}`))
          .join(' '),
      }
    throw error
  }
}
