import { CircleUser } from 'lucide-react'
import Link from 'next/link'
import { currentActor } from '#src/auth/session.ts'

/** Who is signed in; readable and usable without JavaScript. */
export async function AccountMenu() {
  const { user } = await currentActor()
  if (!user)
    return (
      <a href="/login" className="button">
        Sign in
      </a>
    )
  const links = [
    { href: '/dashboard', title: 'Dashboard' },
    { href: '/new', title: 'Import a repository' },
    { href: `/${user.login.toLowerCase()}`, title: 'Your models' },
    { href: '/settings/tokens', title: 'API tokens' },
  ]
  return (
    <details className="relative">
      <summary className="button list-none px-2 [&::-webkit-details-marker]:hidden">
        <CircleUser aria-hidden className="size-5" strokeWidth={1.5} />
        <span className="max-w-32 truncate max-sm:sr-only">{user.login}</span>
      </summary>
      <div className="absolute end-0 z-30 mt-1 w-56 rounded-lg border border-border bg-surface py-1 shadow-overlay">
        <p className="px-3 py-1.5 text-[13px] text-fg-muted">Signed in as {user.login}</p>
        <ul className="border-t border-border py-1">
          {links.map((link) => (
            <li key={link.href}>
              <Link prefetch={false} href={link.href} className="block px-3 py-1.5 hover:bg-bg-muted">
                {link.title}
              </Link>
            </li>
          ))}
        </ul>
        <form action="/logout" method="post" className="border-t border-border pt-1">
          <button type="submit" className="block w-full px-3 py-1.5 text-start hover:bg-bg-muted">
            Sign out
          </button>
        </form>
      </div>
    </details>
  )
}
