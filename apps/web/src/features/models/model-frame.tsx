import { ChevronDown, Lock, Pin } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { formatTime } from '#src/ui/format.ts'
import { VisibilityChip } from '#src/ui/parts.tsx'
import { StatusIcon } from '#src/ui/status-chip.tsx'

export type Tab =
  | 'overview'
  | 'api'
  | 'gallery'
  | 'license'
  | 'source'
  | 'versions'
  | 'compare'
  | 'build'
  | 'deliveries'
  | 'settings'

/** The head of every page of a model: its name, the version switcher and the tabs. */
export function ModelFrame({ view, tab, children }: { view: ModelView; tab: Tab; children: ReactNode }) {
  const { publisher, model, path, versionPath, rights } = view
  const tabs: { tab: Tab; title: string; href: string; locked?: boolean; shown: boolean }[] = [
    { tab: 'overview', title: 'Overview', href: versionPath, shown: true },
    { tab: 'api', title: 'API', href: `${versionPath}/api`, shown: true },
    {
      tab: 'gallery',
      title: 'Gallery',
      href: `${versionPath}/gallery`,
      shown: view.gallery.length > 0 || rights.publish,
    },
    { tab: 'license', title: 'License', href: `${versionPath}/license`, shown: true },
    {
      tab: 'versions',
      title: 'Versions',
      href: `${path}/versions`,
      locked: !model.viewersSeeVersions,
      shown: rights.versions,
    },
    {
      tab: 'deliveries',
      title: 'Pushes',
      href: `${path}/deliveries`,
      locked: !model.viewersSeeVersions,
      shown: rights.versions,
    },
    { tab: 'settings', title: 'Settings', href: `${path}/settings`, locked: true, shown: rights.settings },
  ]
  const current = tab === 'build' || tab === 'compare' ? 'versions' : tab
  return (
    <>
      <div className="border-b border-border bg-bg-subtle">
        <div className="mx-auto max-w-[1280px] px-4 pt-5 sm:px-6">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
            <p className="min-w-0 text-xl leading-7">
              <Link prefetch={false} className="link-quiet text-fg-muted" href={`/${publisher.slug}`}>
                {publisher.slug}
              </Link>
              <span aria-hidden className="px-1.5 text-fg-subtle">
                /
              </span>
              <Link prefetch={false} className="link-quiet font-semibold" href={path}>
                {model.slug}
              </Link>
            </p>
            <VisibilityChip visibility={view.visibility} />
            <VersionSwitcher view={view} tab={current} />
          </div>
          <nav aria-label="Model" className="-mx-4 mt-3 overflow-x-auto px-4 sm:mx-0 sm:px-0">
            <ul className="flex gap-1">
              {tabs
                .filter((t) => t.shown)
                .map((t) => (
                  <li key={t.tab}>
                    <Link
                      prefetch={false}
                      href={t.href}
                      aria-current={t.tab === current ? 'page' : undefined}
                      aria-label={t.locked ? `${t.title}, visible to publishers` : undefined}
                      className="inline-flex min-h-10 items-center gap-1.5 border-b-2 border-transparent px-3 font-medium whitespace-nowrap text-fg-muted hover:text-fg aria-[current]:border-accent aria-[current]:text-fg"
                    >
                      {t.title}
                      {t.locked ? <Lock aria-hidden className="size-3.5 text-fg-subtle" strokeWidth={1.75} /> : null}
                    </Link>
                  </li>
                ))}
            </ul>
          </nav>
        </div>
      </div>
      <div className="mx-auto max-w-[1280px] px-4 py-6 sm:px-6">{children}</div>
    </>
  )
}

function VersionSwitcher({ view, tab }: { view: ModelView; tab: Tab }) {
  const { version, model, path, choices } = view
  if (!version && choices.length === 0) return null
  const isDefault = version !== null && version.id === model.defaultVersionId
  const words = isDefault ? (model.defaultPolicy === 'pinned' ? 'Default · pinned' : 'Default') : null
  const suffix = tab === 'api' || tab === 'license' ? `/${tab}` : ''
  return (
    <details className="group relative">
      <summary className="button button-small list-none [&::-webkit-details-marker]:hidden">
        {words?.includes('pinned') ? <Pin aria-hidden className="size-3.5" strokeWidth={1.75} /> : null}
        {version ? `Version ${version.number}` : 'Versions'}
        {words ? <span className="font-normal text-fg-muted">· {words}</span> : null}
        <ChevronDown aria-hidden className="size-3.5" strokeWidth={1.75} />
      </summary>
      <div className="absolute start-0 z-30 mt-1 w-72 max-w-[80vw] rounded-lg border border-border bg-surface py-1 shadow-overlay">
        <ul>
          {choices.map((choice) => (
            <li key={choice.id}>
              <Link
                prefetch={false}
                href={`${path}@${choice.number}${suffix}`}
                aria-current={choice.id === version?.id ? 'true' : undefined}
                className="flex items-center gap-2 px-3 py-1.5 hover:bg-bg-muted aria-[current]:bg-accent-subtle"
              >
                <StatusIcon status={choice.yankedAt ? 'yanked' : choice.state} />
                <span className="font-medium">Version {choice.number}</span>
                {choice.id === model.defaultVersionId ? <span className="chip">Default</span> : null}
                <span className="ms-auto text-[13px] text-fg-subtle">{formatTime(choice.createdAt, new Date())}</span>
              </Link>
            </li>
          ))}
        </ul>
        {view.rights.versions ? (
          <Link
            prefetch={false}
            href={`${path}/versions`}
            className="mt-1 block border-t border-border px-3 py-2 font-medium link-quiet"
          >
            All versions
          </Link>
        ) : null}
      </div>
    </details>
  )
}
