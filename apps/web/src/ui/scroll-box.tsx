import type { ReactNode } from 'react'

/** What scrolls by itself, named, and within reach of the keyboard. */
export function ScrollBox({ label, className, children }: { label: string; className?: string; children: ReactNode }) {
  return (
    <section
      aria-label={label}
      className={className}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: only what has the focus scrolls by keys
      tabIndex={0}
    >
      {children}
    </section>
  )
}
