import type { Substitution, Target } from '@modelport/schema/words'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

export interface SubstitutionOf extends Substitution {
  targets: Target[]
}

/** The substitutions of a version's builds, each once, with the targets that have it. */
export function mergeSubstitutions(builds: readonly { target: Target; substitutions: readonly Substitution[] }[]) {
  const merged = new Map<string, SubstitutionOf>()
  for (const { target, substitutions } of builds)
    for (const each of substitutions) {
      const key = JSON.stringify([each.kind, each.file, each.line, each.wanted, each.got, each.why])
      const known = merged.get(key)
      if (!known) merged.set(key, { ...each, targets: [target] })
      else if (!known.targets.includes(target)) known.targets.push(target)
    }
  return [...merged.values()]
}

/** What was asked for, where, and for which image where the rows say so; and what took its place, and why. */
export function SubstitutionTable({ substitutions }: { substitutions: readonly (Substitution | SubstitutionOf)[] }) {
  return (
    <ScrollBox className="table-scroll" label="Substitutions">
      <table className="w-full text-start wrap-break-word">
        <caption className="sr-only">What was asked for and what took its place</caption>
        <thead className="text-fg-muted">
          <tr className="border-b border-border">
            {['Wanted', 'Got'].map((title) => (
              <th key={title} scope="col" className="py-1.5 pe-4 text-start font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-border align-top">
          {substitutions.map((s) => (
            <tr key={`${s.kind}${s.file}${s.line}${s.wanted}${s.got}${s.why}`}>
              <td className="py-1.5 pe-4">
                {s.kind === 'package' ? '' : `${kinds[s.kind]} `}
                {s.wanted}
                <span className="block text-[13px] text-fg-muted wrap-anywhere">
                  {s.file ? `${s.file}${s.line ? `:${s.line}` : ''}` : null}
                  {s.file && 'targets' in s ? ' · ' : null}
                  {'targets' in s ? s.targets.map((target) => target.toUpperCase()).join(', ') : null}
                </span>
              </td>
              <td className="py-1.5">
                {s.got}
                <span className="block text-[13px] text-fg-muted">{s.why}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}

const kinds = { python: 'Python', cuda: 'CUDA', framework: 'Framework' }
