import { Boxes } from 'lucide-react'
import type { Metadata, Viewport } from 'next'
import { cookies } from 'next/headers'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { SearchBox } from '#src/features/directory/search-box.tsx'
import { AccountMenu } from '#src/features/home/account-menu.tsx'
import { Shortcuts } from '#src/ui/shortcuts.tsx'
import { type Theme, ThemeSwitch } from '#src/ui/theme-switch.tsx'
import './globals.css'

export const metadata: Metadata = {
  title: { default: 'Modelport', template: '%s · Modelport' },
  description: 'A self-hosted registry and build pipeline for models on GitHub.',
}

export const viewport: Viewport = {
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#ffffff' },
    { media: '(prefers-color-scheme: dark)', color: '#0e1116' },
  ],
}

export default async function RootLayout({ children }: { children: ReactNode }) {
  const chosen = (await cookies()).get('theme')?.value
  const theme: Theme = chosen === 'light' || chosen === 'dark' ? chosen : 'system'
  return (
    // The switch changes the attribute before React knows.
    <html lang="en" data-theme={theme === 'system' ? undefined : theme} suppressHydrationWarning>
      <body className="flex min-h-dvh flex-col">
        <a
          href="#main"
          className="button button-primary absolute start-2 top-2 z-50 -translate-y-20 focus:translate-y-0"
        >
          Skip to content
        </a>
        <header className="sticky top-0 z-10 border-b border-border bg-bg">
          <div className="mx-auto flex h-14 max-w-[1280px] items-center gap-2 px-4 sm:gap-4 sm:px-6">
            <Link prefetch={false} href="/" className="flex items-center gap-2 text-base font-semibold">
              <Boxes aria-hidden className="size-6 text-accent" strokeWidth={1.5} />
              <span className="max-[400px]:sr-only">Modelport</span>
            </Link>
            <SearchBox />
            <nav aria-label="Site" className="ms-auto flex items-center gap-1 sm:gap-2">
              <Link
                prefetch={false}
                href="/models"
                className="button border-transparent bg-transparent px-2 max-sm:hidden"
              >
                Models
              </Link>
              <Link
                prefetch={false}
                href="/docs/api"
                className="button border-transparent bg-transparent px-2 max-sm:hidden"
              >
                API
              </Link>
              <ThemeSwitch initial={theme} />
              <AccountMenu />
            </nav>
          </div>
        </header>
        <main id="main" className="flex-1">
          {children}
        </main>
        <footer className="mt-12 border-t border-border">
          <div className="mx-auto flex max-w-[1280px] flex-wrap gap-x-6 gap-y-2 px-4 py-6 text-[13px] text-fg-muted sm:px-6">
            <span>Modelport</span>
            <Link prefetch={false} href="/models" className="link-quiet">
              Models
            </Link>
            <Link prefetch={false} href="/docs/api" className="link-quiet">
              API
            </Link>
            <a href="/readyz" className="link-quiet">
              Status
            </a>
            <Shortcuts />
          </div>
        </footer>
      </body>
    </html>
  )
}
