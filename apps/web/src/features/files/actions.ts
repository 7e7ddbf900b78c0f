'use server'
import { FileChange } from '@modelport/schema/api'
import { revalidatePath } from 'next/cache'
import { z } from 'zod'
import { guardAction } from '#src/auth/guard-action.ts'
import { changeFile, deleteFile } from '#src/features/files/change-files.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

const Place = z.object({ path: z.string().regex(/^\/[^/]+\/[^/]+$/), file: z.string() })

function placeOf(form: FormData) {
  const { path, file } = Place.parse({ path: form.get('path'), file: form.get('file') })
  const [, owner, slug] = path.split('/') as [string, string, string]
  return { owner, slug, file }
}

export async function changeFileAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, file } = placeOf(form)
    const change = FileChange.parse({ name: form.get('name'), description: form.get('description') })
    await changeFile(actor, owner, slug, file, change)
    revalidatePath('/', 'layout')
    return { notice: 'Saved.' }
  })
}

export async function deleteFileAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    const { owner, slug, file } = placeOf(form)
    const name = await deleteFile(actor, owner, slug, file)
    revalidatePath('/', 'layout')
    return { notice: `${name} is removed.` }
  })
}
