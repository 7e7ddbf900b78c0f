'use client'
import { Moon, Sun, SunMoon } from 'lucide-react'
import { useState } from 'react'

export type Theme = 'system' | 'light' | 'dark'
const order: Theme[] = ['system', 'light', 'dark']
const icons = { system: SunMoon, light: Sun, dark: Moon }
const words = { system: 'as the system', light: 'light', dark: 'dark' }

/** The server sets the theme from this cookie before the first paint. */
export function ThemeSwitch({ initial }: { initial: Theme }) {
  const [theme, setTheme] = useState(initial)
  const Icon = icons[theme]
  function next() {
    const chosen = order[(order.indexOf(theme) + 1) % order.length]!
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari before 2025
    document.cookie = `theme=${chosen}; Path=/; Max-Age=31536000; SameSite=Lax`
    if (chosen === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = chosen
    setTheme(chosen)
  }
  return (
    <button
      type="button"
      className="button border-transparent bg-transparent px-2"
      onClick={next}
      title={`Theme: ${words[theme]}`}
    >
      <Icon aria-hidden className="size-5" strokeWidth={1.5} />
      <span className="sr-only">Theme: {words[theme]}. Change</span>
    </button>
  )
}
