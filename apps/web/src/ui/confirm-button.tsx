'use client'
import { type ReactNode, useId, useRef } from 'react'
import { type Action, ActionForm } from '#src/ui/action-form.tsx'

/** A button that asks first. What will happen stands in the dialog; the focus begins on Cancel. */
export function ConfirmButton({
  label,
  icon,
  title,
  children,
  confirm,
  danger,
  action,
  hidden,
}: {
  label: string
  icon?: ReactNode
  title: string
  children: ReactNode
  confirm: string
  danger?: boolean
  action: Action
  hidden: Record<string, string | number>
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  return (
    <>
      <button
        type="button"
        className={`button button-small ${danger ? 'button-danger' : ''}`}
        onClick={() => dialog.current?.showModal()}
      >
        {icon}
        {label}
      </button>
      <dialog
        ref={dialog}
        aria-labelledby={heading}
        className="w-[min(480px,calc(100vw-32px))] rounded-xl border border-border bg-surface p-0 text-fg shadow-overlay"
      >
        <ActionForm action={action} hidden={hidden} className="p-5 whitespace-normal">
          <h2 id={heading} className="text-lg leading-7 font-semibold">
            {title}
          </h2>
          <div className="mt-2 space-y-3">{children}</div>
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            {/* biome-ignore lint/a11y/noAutofocus: in a dialog that opens on request the first focus is the safe choice */}
            <button type="button" className="button" autoFocus onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className={`button ${danger ? 'button-danger' : 'button-primary'}`}>
              {confirm}
            </button>
          </div>
        </ActionForm>
      </dialog>
    </>
  )
}
