import Link from 'next/link'
import type { ReactNode } from 'react'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { ModelFrame } from '#src/features/models/model-frame.tsx'
import { Banner } from '#src/ui/parts.tsx'

export type SettingsPart = 'general' | 'versions' | 'access' | 'badges' | 'activity' | 'danger'

/** The head and the parts of a model's settings. */
export function SettingsFrame({ view, part, children }: { view: ModelView; part: SettingsPart; children: ReactNode }) {
  const place = `${view.path}/settings`
  const parts: { part: SettingsPart; title: string; href: string; shown: boolean }[] = [
    { part: 'general', title: 'General', href: place, shown: true },
    { part: 'versions', title: 'Versions', href: `${place}/versions`, shown: true },
    { part: 'access', title: 'Access', href: `${place}/access`, shown: true },
    { part: 'badges', title: 'Badges', href: `${place}/badges`, shown: true },
    { part: 'activity', title: 'Activity', href: `${place}/activity`, shown: true },
    { part: 'danger', title: 'Danger zone', href: `${place}/danger`, shown: view.rights.rename || view.rights.delete },
  ]
  const { title } = parts.find((each) => each.part === part)!
  return (
    <ModelFrame view={view} tab="settings">
      <div className="grid gap-x-10 gap-y-4 lg:grid-cols-[200px_minmax(0,760px)]">
        <nav aria-label="Settings" className="-mx-4 overflow-x-auto px-4 sm:mx-0 sm:px-0">
          <ul className="flex gap-1 lg:flex-col">
            {parts
              .filter((each) => each.shown)
              .map((each) => (
                <li key={each.part}>
                  <Link
                    prefetch={false}
                    href={each.href}
                    aria-current={each.part === part ? 'page' : undefined}
                    className="flex min-h-9 items-center rounded-md px-3 whitespace-nowrap text-fg-muted hover:bg-bg-muted hover:text-fg aria-[current]:bg-bg-muted aria-[current]:font-medium aria-[current]:text-fg"
                  >
                    {each.title}
                  </Link>
                </li>
              ))}
          </ul>
        </nav>
        <div className="min-w-0">
          <h1 className="text-2xl leading-8 font-semibold">
            {title}
            <span className="sr-only"> settings</span>
          </h1>
          <div className="mt-4 space-y-6">
            {view.model.state === 'archived' ? (
              <Banner kind="neutral">
                {view.model.stateReason ?? 'This model is archived.'} It is read-only: nothing is built, and only who
                may see it can be changed.
              </Banner>
            ) : null}
            {children}
          </div>
        </div>
      </div>
    </ModelFrame>
  )
}
