import { CopyButton } from '#src/ui/copy-button.tsx'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

/** Text to run elsewhere, with a button that copies exactly it. */
export function CodeBlock({ code, title, wrap }: { code: string; title: string; wrap?: boolean }) {
  return (
    <figure className="overflow-hidden rounded-lg border border-border bg-bg-subtle">
      <figcaption className="flex min-h-9 items-center justify-between gap-2 border-b border-border px-3 py-1 text-[13px] font-medium text-fg-muted">
        <span>{title}</span>
        <CopyButton text={code} />
      </figcaption>
      <ScrollBox label={title} className="max-h-64 overflow-auto">
        <pre className={`px-3 py-2 font-mono text-[13px] leading-5 ${wrap ? 'whitespace-pre-wrap' : ''}`}>
          <code>{code}</code>
        </pre>
      </ScrollBox>
    </figure>
  )
}
