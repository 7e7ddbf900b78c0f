import { CircleCheck, CircleX, Info, TriangleAlert } from 'lucide-react'
import type { CheckedConfig } from '#src/features/onboarding/check-config.ts'
import { Sentence } from '#src/ui/parts.tsx'

const marks = {
  error: { icon: CircleX, tone: 'text-danger', word: 'Error' },
  warning: { icon: TriangleAlert, tone: 'text-warning', word: 'Warning' },
  notice: { icon: Info, tone: 'text-info', word: 'Note' },
}

/** What the parser says of a `runway.yml`, line by line. `lineUrl` is where the file's lines can be seen. */
export function CheckedList({ checked, lineUrl }: { checked: CheckedConfig; lineUrl?: string }) {
  const { problems, makes } = checked
  return (
    <>
      {makes ? (
        <p className="flex gap-2">
          <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-success" strokeWidth={1.75} />
          <span>
            {problems.length === 0 ? 'Nothing is wrong with it. ' : 'It can be built. '}
            {makes}
          </span>
        </p>
      ) : null}
      {problems.length > 0 ? (
        <ul className="mt-1 space-y-1.5">
          {problems.map((problem) => {
            const { icon: Icon, tone, word } = marks[problem.severity]
            return (
              <li key={`${problem.line} ${problem.sentence}`} className="flex gap-2">
                <Icon role="img" aria-label={word} className={`mt-0.5 size-4 shrink-0 ${tone}`} strokeWidth={1.75} />
                <span className="min-w-0">
                  {lineUrl ? (
                    <a className="link" href={`${lineUrl}#L${problem.line}`}>
                      Line {problem.line}
                    </a>
                  ) : (
                    <span className="font-medium">Line {problem.line}</span>
                  )}
                  , <Sentence text={problem.sentence.replace(/^Line \d+, /, '')} />
                </span>
              </li>
            )
          })}
        </ul>
      ) : null}
    </>
  )
}
