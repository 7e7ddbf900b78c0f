'use server'
import { revalidatePath } from 'next/cache'
import { guardAction } from '#src/auth/guard-action.ts'
import { redeliver } from '#src/features/deliveries/deliveries.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

export async function redeliverAction(_before: ActionResult, form: FormData): Promise<ActionResult> {
  return guardAction(async (actor) => {
    await redeliver(actor, String(form.get('id')))
    revalidatePath('/', 'layout')
    return { notice: 'Opened again; it is worked within seconds.' }
  })
}
