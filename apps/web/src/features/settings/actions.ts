'use server'
import { ModelChange, TokenRequest } from '@modelport/schema/api'
import { revalidatePath } from 'next/cache'
import { redirect } from 'next/navigation'
import { z } from 'zod'
import { guardAction } from '#src/auth/guard-action.ts'
import { Refusal } from '#src/auth/refusal.ts'
import { bringBack, changeModel, removeModel } from '#src/features/models/change-model.ts'
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

/** The lines of a field, each cut at its bars; null when it is empty, and nothing when its card was not sent. */
function linesOf<T>(form: FormData, name: string, read: (parts: string[]) => T): T[] | null | undefined {
  const text = textOf(form, name)
  if (typeof text !== 'string') return text
  return text
    .split('\n')
    .map((line) => line.split('|', 4).map((part) => part.trim()))
    .filter((parts) => parts.some(Boolean))
    .map(read)
}

/** The fields of the cards of General; an empty one, and those that are reset, go back to the repository's. */
function descriptionOf(form: FormData) {
  const resets = String(form.get('handBack') ?? '').split(',')
  const fields = {
    title: textOf(form, 'title'),
    summary: textOf(form, 'summary'),
    // Browsers send the lines of a text area with CRLF.
    overview: form.has('overview') ? String(form.get('overview')).replaceAll('\r\n', '\n') || null : undefined,
    keywords: linesOf(form, 'keywords', ([word]) => word),
    // An address alone is its own title.
    links: linesOf(form, 'links', ([title = '', url]) => ({ title, url: url ?? title })),
    authors: linesOf(form, 'authors', ([name, role, url]) => ({ name, role: role || null, url: url || null })),
    license: licenseOf(form),
    performance: linesOf(form, 'performance', ([hardware, time, memory, version]) => ({
      hardware,
      time: time || null,
      memory: memory || null,
      version: version ? Number(version) : null,
    })),
  }
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      resets.includes(key === 'license' ? 'licence' : key) ? null : value,
    ]),
  )
}

function licenseOf(form: FormData) {
  if (!form.has('licenseSpdx')) return undefined
  const [spdx, name, url] = ['licenseSpdx', 'licenseName', 'licenseUrl'].map((key) => textOf(form, key))
  if (form.get('handBack')) return null
  if (spdx && name) throw new Refusal('invalid', 'Give an SPDX id or a name of its own, not both.')
  if (url && !name)
    throw new Refusal('invalid', 'The address belongs to a licence with a name of its own; give that too.')
  return spdx ? { spdx } : name ? { name, url } : null
}

/** What was saved, with the time: the page may be open for long. */
const savedNow = () => `Saved at ${new Date().toISOString().slice(11, 16)} UTC.`

export async function settingsAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    // Each card sends its own fields; boxes that are not ticked are not sent, so the card says which it has.
    const boxes = form.getAll('boxes').map(String)
    const box = (name: string) => (boxes.includes(name) ? form.has(name) : undefined)
    const change = ModelChange.parse({
      ...descriptionOf(form),
      visibility: form.get('visibility') ?? undefined,
      branch: form.get('branch') ?? undefined,
      branchRules: form.has('branchRules') ? (linesOf(form, 'branchRules', ([rule]) => rule) ?? []) : undefined,
      tagRules: form.has('tagRules') ? (linesOf(form, 'tagRules', ([rule]) => rule) ?? []) : undefined,
      substitutionPolicy: form.has('substitutionPolicy') ? form.get('substitutionPolicy') || null : undefined,
      viewersSeeVersions: box('viewersSeeVersions'),
      viewersSeeLogs: box('viewersSeeLogs'),
      viewersSeeFiles: box('viewersSeeFiles'),
    })
    await changeModel(actor, owner, slug, change)
    revalidatePath('/', 'layout')
    return { notice: savedNow() }
  })
}

export async function renameAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  let address = ''
  const result = await guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    const change = ModelChange.parse({ name: String(form.get('name') ?? '').trim() || null })
    const now = await changeModel(actor, owner, slug, change)
    if (now.model.slug === slug) return { notice: 'That is its name already.' }
    address = `/${now.publisher.slug}/${now.model.slug}/settings/danger`
    return {}
  })
  if (address) {
    revalidatePath('/', 'layout')
    redirect(address)
  }
  return result
}

export async function archiveAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const [owner, slug] = placeOf(form)
    const archived = form.get('archived') === 'yes'
    await changeModel(actor, owner, slug, { archived })
    revalidatePath('/', 'layout')
    return { notice: archived ? 'The model is archived.' : 'The model is active again.' }
  })
}

/** Brings back a model that was deleted here. */
export async function restoreAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  let address = ''
  const result = await guardAction(async (actor) => {
    const repositoryId = z.coerce.number().int().positive().parse(form.get('repository'))
    address = `/${await bringBack(actor, repositoryId)}`
    return {}
  })
  if (address) {
    revalidatePath('/', 'layout')
    redirect(address)
  }
  return result
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
