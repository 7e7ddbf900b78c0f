'use server'
import { ModelChange, TokenRequest } from '@modelport/schema/api'
import { revalidatePath } from 'next/cache'
import { redirect } from 'next/navigation'
import { z } from 'zod'
import { guardAction } from '#src/auth/guard-action.ts'
import { changeModel, removeModel } from '#src/features/models/change-model.ts'
import { dropToken, makeToken } from '#src/features/settings/tokens.ts'
import { chooseDefault } from '#src/features/versions/change-version.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

function placeOf(form: FormData): [string, string] {
  const path = z
    .string()
    .regex(/^\/[^/]+\/[^/]+$/)
    .parse(form.get('path'))
  return path.slice(1).split('/') as [string, string]
}

const textOf = (form: FormData, name: string) => (form.has(name) ? String(form.get(name)).trim() || null : undefined)

/** The fields of the card General; a field that is empty, or all when they are reset, go back to the repository's. */
function descriptionOf(form: FormData) {
  if (form.has('reset')) return { title: null, summary: null, keywords: null, links: null, authors: null }
  const lines = <T>(name: string, read: (parts: string[]) => T) => {
    const text = textOf(form, name)
    return typeof text === 'string'
      ? text
          .split('\n')
          .map((line) => line.split('|', 3).map((part) => part.trim()))
          .filter((parts) => parts.some(Boolean))
          .map(read)
      : text
  }
  return {
    title: textOf(form, 'title'),
    summary: textOf(form, 'summary'),
    keywords: lines('keywords', ([word]) => word),
    // An address alone is its own title.
    links: lines('links', ([title = '', url]) => ({ title, url: url ?? title })),
    authors: lines('authors', ([name, role, url]) => ({ name, role: role || null, url: url || null })),
  }
}

export async function settingsAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    // Each card sends its own fields; boxes that are not ticked are not sent, so the card says which it has.
    const boxes = form.getAll('boxes').map(String)
    const change = ModelChange.parse({
      ...descriptionOf(form),
      visibility: form.get('visibility') ?? undefined,
      branch: form.get('branch') ?? undefined,
      substitutionPolicy: form.has('substitutionPolicy') ? form.get('substitutionPolicy') || null : undefined,
      viewersSeeVersions: boxes.includes('viewersSeeVersions') ? form.has('viewersSeeVersions') : undefined,
      viewersSeeLogs: boxes.includes('viewersSeeLogs') ? form.has('viewersSeeLogs') : undefined,
      viewersSeeFiles: boxes.includes('viewersSeeFiles') ? form.has('viewersSeeFiles') : undefined,
    })
    await changeModel(actor, owner, slug, change)
    revalidatePath('/', 'layout')
    return { notice: 'Saved.' }
  })
}

export async function policyAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    const choice =
      form.get('policy') === 'latest'
        ? ({ policy: 'latest' } as const)
        : ({ policy: 'pinned', version: z.coerce.number().int().positive().parse(form.get('version')) } as const)
    await chooseDefault(actor, owner, slug, choice)
    revalidatePath('/', 'layout')
    return {
      notice:
        choice.policy === 'latest'
          ? 'The default follows the latest ready version.'
          : `Version ${choice.version} is the default, pinned.`,
    }
  })
}

export async function deleteAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  let gone = false
  const result = await guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    if (String(form.get('confirm')).trim() !== `${owner}/${slug}`)
      return { error: `Type ${owner}/${slug} to delete it.` }
    await removeModel(actor, owner, slug)
    gone = true
    return {}
  })
  if (gone) redirect('/dashboard')
  return result
}

/** The secret goes back to the form that asked, and nowhere else. */
export async function createTokenAction(
  _before: ActionResult & { token?: string },
  form: FormData,
): Promise<ActionResult & { token?: string }> {
  let token: string | undefined
  const result = await guardAction(async (actor) => {
    const days = form.get('expiresInDays')
    const wish = TokenRequest.parse({
      name: form.get('name'),
      scopes: form.getAll('scopes'),
      expiresInDays: days ? Number(days) : undefined,
    })
    token = (await makeToken(actor, wish)).secret
    revalidatePath('/settings/tokens')
    return {}
  })
  return { ...result, token }
}

export async function revokeTokenAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    await dropToken(actor, String(form.get('id')))
    revalidatePath('/settings/tokens')
    return { notice: 'Revoked.' }
  })
}
