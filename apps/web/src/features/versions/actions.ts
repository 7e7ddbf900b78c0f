'use server'
import { Target } from '@modelport/schema/words'
import { revalidatePath } from 'next/cache'
import { redirect } from 'next/navigation'
import { z } from 'zod'
import { guardAction } from '#src/auth/guard-action.ts'
import { cancel, chooseDefault, rebuild, yank } from '#src/features/versions/change-version.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

const Place = z.object({
  path: z.string().regex(/^\/[^/]+\/[^/]+$/),
  version: z.coerce.number().int().positive(),
})

function placeOf(form: FormData) {
  const { path, version } = Place.parse(Object.fromEntries(form))
  const [, owner, slug] = path.split('/') as [string, string, string]
  return { path, owner, slug, version }
}

export async function rebuildAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  let address = ''
  const result = await guardAction(async (actor) => {
    const { path, owner, slug, version } = placeOf(form)
    const target = Target.optional().parse(form.get('target') ?? undefined)
    const done = await rebuild(actor, owner, slug, version, { target, cache: form.get('cache') !== 'no' })
    address = `${path}@${done.version.number}/build`
    return {}
  })
  if (address) {
    revalidatePath('/', 'layout')
    redirect(address)
  }
  return result
}

export async function cancelAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, version } = placeOf(form)
    const count = await cancel(actor, owner, slug, version)
    revalidatePath('/', 'layout')
    return count > 0
      ? { notice: 'Asked to stop; this takes a few seconds.' }
      : { notice: 'Nothing was running any more.' }
  })
}

export async function makeDefaultAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, version } = placeOf(form)
    await chooseDefault(actor, owner, slug, { policy: 'pinned', version })
    revalidatePath('/', 'layout')
    return { notice: `Version ${version} is the default, pinned: new versions do not move it.` }
  })
}

export async function unpinAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug } = placeOf(form)
    await chooseDefault(actor, owner, slug, { policy: 'latest' })
    revalidatePath('/', 'layout')
    return { notice: 'The default follows the latest ready version.' }
  })
}

export async function yankAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, version } = placeOf(form)
    const reason = z.string().trim().min(3, 'say why, for the people who use it').max(500).parse(form.get('reason'))
    await yank(actor, owner, slug, version, reason)
    revalidatePath('/', 'layout')
    return { notice: `Version ${version} is no longer offered.` }
  })
}

export async function unyankAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, version } = placeOf(form)
    await yank(actor, owner, slug, version, null)
    revalidatePath('/', 'layout')
    return { notice: `Version ${version} is offered again.` }
  })
}
