'use server'
import { ImportRequest } from '@modelport/schema/api'
import { revalidatePath } from 'next/cache'
import { redirect } from 'next/navigation'
import { guardAction } from '#src/auth/guard-action.ts'
import { importModel } from '#src/features/import/import-model.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

export async function importAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  let address = ''
  const result = await guardAction(async (actor) => {
    const { repository } = ImportRequest.parse({ repository: String(form.get('repository') ?? '').trim() })
    const imported = await importModel(actor, repository)
    if (imported.kind === 'pending')
      return { notice: `${repository} is being imported; it is on your dashboard when it is done.` }
    address = `/${imported.found.publisher.slug}/${imported.found.model.slug}`
    return {}
  })
  if (address) {
    revalidatePath('/', 'layout')
    redirect(address)
  }
  return result
}
