'use client'
import { type ReactNode, useActionState } from 'react'
import { createTokenAction } from '#src/features/settings/actions.ts'
import { CopyButton } from '#src/ui/copy-button.tsx'

/** Makes a token and shows its secret this once: it lives in this form's answer and nowhere else. */
export function TokenForm({ children }: { children: ReactNode }) {
  const [result, submit, pending] = useActionState(createTokenAction, {})
  return (
    <>
      {result.token ? (
        <div role="status" className="mb-5 rounded-lg bg-success-bg px-4 py-3">
          <p className="font-medium">Copy the token now; it is not shown again.</p>
          <p className="mt-2 flex flex-wrap items-center gap-2">
            <code className="font-mono text-[13px]">{result.token}</code>
            <CopyButton text={result.token} />
          </p>
        </div>
      ) : null}
      <form action={submit} className="card p-5">
        <fieldset disabled={pending} className="space-y-4">
          {children}
        </fieldset>
        {result.error ? (
          <p role="alert" className="text-danger">
            {result.error}
          </p>
        ) : null}
      </form>
    </>
  )
}
