'use server'
import { z } from 'zod'
import { guardAction } from '#src/auth/guard-action.ts'
import { type CheckedConfig, checkConfig } from '#src/features/onboarding/check-config.ts'
import type { ActionResult } from '#src/ui/action-form.tsx'

export interface CheckResult extends ActionResult {
  /** What was checked: without JavaScript the page comes anew, and must hold what was typed. */
  text?: string
  checked?: CheckedConfig
}

const Text = z.string().max(65_536, 'is longer than 64 KiB')

export async function checkConfigAction(_before: CheckResult, form: FormData): Promise<CheckResult> {
  let done: CheckResult = {}
  const result = await guardAction(async () => {
    const text = Text.parse(form.get('config')).replaceAll('\r\n', '\n')
    done = { text, checked: checkConfig(text) }
    return {}
  })
  return { ...result, ...done }
}
