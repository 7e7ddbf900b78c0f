import { Lock } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { comparePath } from '#src/features/compare/compare-path.ts'
import type { ModelView } from '#src/features/models/load-model-view.ts'
import { VersionSwitcher } from '#src/features/versions/version-switcher.tsx'
import { VisibilityChip } from '#src/ui/parts.tsx'

export type Tab =
  | 'overview'
  | 'api'
  | 'gallery'
  | 'license'
  | 'source'
  | 'cite'
  | 'files'
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
    { tab: 'files', title: 'Files', href: `${path}/files`, locked: !model.viewersSeeFiles, shown: rights.files },
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
          <div className="relative flex flex-wrap items-center gap-x-3 gap-y-2">
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
            <Switcher view={view} tab={current} />
            <HiddenLinks view={view} tab={current} />
          </div>
          <nav aria-label="Model" className="-mx-4 mt-3 overflow-x-auto px-4 sm:mx-0 sm:px-0">
            <ul className="flex gap-1">
              {tabs
                .filter((t) => t.shown)
                .map((t, i) => (
                  <li key={t.tab}>
                    <Link
                      prefetch={false}
                      href={t.href}
                      data-shortcut={i + 1}
                      aria-keyshortcuts={String(i + 1)}
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

const versioned: readonly Tab[] = ['api', 'license', 'gallery', 'source', 'cite']

function Switcher({ view, tab }: { view: ModelView; tab: Tab }) {
  const { version, model, path, choices } = view
  if (!version && choices.length === 0) return null
  const isDefault = version !== null && version.id === model.defaultVersionId
  const pinned = isDefault && model.defaultPolicy === 'pinned'
  return (
    <VersionSwitcher
      current={version?.number ?? null}
      label={version ? `Version ${version.number}` : 'Versions'}
      note={isDefault ? (pinned ? 'Default · pinned' : 'Default') : null}
      pinned={pinned}
      choices={choices.map((choice) => ({
        number: choice.version.number,
        state: choice.version.state,
        yanked: choice.version.yankedAt !== null,
        isDefault: choice.version.id === model.defaultVersionId,
        subject: choice.version.commitSubject,
        tag: /^refs\/tags\/(.+)$/.exec(choice.version.ref ?? '')?.[1] ?? null,
        createdAt: choice.version.createdAt.toISOString(),
        size: choice.size,
      }))}
      more={choices.length > 10}
      path={path}
      suffix={versioned.includes(tab) ? `/${tab}` : ''}
      apiUrl={`/api/v1/models${path}/versions`}
      versionsPath={view.rights.versions ? `${path}/versions` : null}
    />
  )
}

/** Links that only keys use; they are found by `data-shortcut`. */
function HiddenLinks({ view, tab }: { view: ModelView; tab: Tab }) {
  const { version, path, choices, defaultVersion, rights } = view
  if (!version) return null
  const before = choices.find((choice) => choice.version.number < version.number && choice.version.state === 'ready')
  const other = defaultVersion && defaultVersion.id !== version.id ? defaultVersion.number : before?.version.number
  const pinnable = tab === 'overview' || versioned.includes(tab)
  return (
    <>
      {pinnable && !view.pinned ? (
        <a
          hidden
          data-shortcut="y"
          data-replaces=""
          href={`${path}@${version.number}${tab === 'overview' ? '' : `/${tab}`}`}
        >
          Version {version.number}
        </a>
      ) : null}
      {other && rights.versions ? (
        <Link prefetch={false} hidden data-shortcut="c" href={comparePath(path, other, version.number)}>
          Compare
        </Link>
      ) : null}
    </>
  )
}
