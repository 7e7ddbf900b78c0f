import type { ReactNode } from 'react'

/** What scrolls by itself, named, and within reach of the keyboard. */
export function ScrollBox({ label, className, children }: { label: string; className?: string; children: ReactNode }) {
  return (
    // A group, not a landmark: a page may hold twenty of these.
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields
    <div
      role="group"
      aria-label={label}
      className={className}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: only what has the focus scrolls by keys
      tabIndex={0}
    >
      {children}
    </div>
  )
}
