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

/** What was asked for and what took its place; with a column for the image where the rows say which have it. */
export function SubstitutionTable({ substitutions }: { substitutions: readonly (Substitution | SubstitutionOf)[] }) {
  const byTarget = substitutions.some((each) => 'targets' in each)
  return (
    <ScrollBox className="table-scroll" label="Substitutions">
      <table className="w-full text-start wrap-break-word">
        <caption className="sr-only">What was asked for and what took its place</caption>
        <thead className="text-fg-muted">
          <tr className="border-b border-border">
            {['Where', ...(byTarget ? ['Image'] : []), 'Wanted', 'Got', 'Why'].map((title) => (
              <th key={title} scope="col" className="py-1.5 pe-4 text-start font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-border align-top">
          {substitutions.map((s) => (
            <tr key={`${s.kind}${s.file}${s.line}${s.wanted}${s.got}${s.why}`}>
              <td className="py-1.5 pe-4 whitespace-nowrap">
                {s.file ? `${s.file}${s.line ? `:${s.line}` : ''}` : s.kind}
              </td>
              {'targets' in s ? (
                <td className="py-1.5 pe-4 whitespace-nowrap">
                  {s.targets.map((target) => target.toUpperCase()).join(', ')}
                </td>
              ) : null}
              <td className="py-1.5 pe-4">{s.wanted}</td>
              <td className="py-1.5 pe-4">{s.got}</td>
              <td className="min-w-48 py-1.5 text-fg-muted">{s.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
