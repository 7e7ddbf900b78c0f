/** A key that does something on a page, and how the help says it. */
export interface Shortcut {
  /** One key, or two after one another with a space between them. */
  keys: string
  words: string
  group: 'Everywhere' | 'On a model' | 'In a log that has the focus'
  /** Where the key leads, for those that lead to one address from every page. */
  href?: string
}

/**
 * Every single-key shortcut of the site. One without `href` acts on the element of the page that says
 * `data-shortcut="<keys>"`: a field gets the focus, anything else is clicked. The keys of the log are its own.
 */
export const shortcuts: readonly Shortcut[] = [
  { keys: '?', words: 'Show this list', group: 'Everywhere' },
  { keys: '/', words: 'Search models', group: 'Everywhere' },
  { keys: 'g h', words: 'Go to the home page', group: 'Everywhere', href: '/' },
  { keys: 'g m', words: 'Go to all models', group: 'Everywhere', href: '/models' },
  { keys: 'g d', words: 'Go to your dashboard', group: 'Everywhere', href: '/dashboard' },
  ...Array.from({ length: 7 }, (_, i) => ({
    keys: String(i + 1),
    words: `Open tab ${i + 1}`,
    group: 'On a model' as const,
  })),
  { keys: 'v', words: 'Choose a version', group: 'On a model' },
  { keys: 'y', words: 'Put the version into the address', group: 'On a model' },
  { keys: 'c', words: 'Compare with the version before, or with the default', group: 'On a model' },
  { keys: 'f', words: 'Follow the end', group: 'In a log that has the focus' },
  { keys: 'e', words: 'Jump to the error', group: 'In a log that has the focus' },
  { keys: 'n', words: 'Next match', group: 'In a log that has the focus' },
  { keys: 'p', words: 'Previous match', group: 'In a log that has the focus' },
  { keys: 'w', words: 'Wrap lines', group: 'In a log that has the focus' },
]

/** What the keys pressed so far mean: a shortcut, the beginning of one, or nothing. */
export function readKeys(pressed: readonly string[]): Shortcut | 'begun' | null {
  const text = pressed.join(' ')
  const ours = shortcuts.filter((one) => one.group !== 'In a log that has the focus')
  return ours.find((one) => one.keys === text) ?? (ours.some((one) => one.keys.startsWith(`${text} `)) ? 'begun' : null)
}

interface KeyPress {
  key: string
  defaultPrevented: boolean
  isComposing: boolean
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
}

/** Whether a key press may be a shortcut at all: nothing else has used it, and nobody is typing with it. */
export const mayBeShortcut = (event: KeyPress) =>
  !event.defaultPrevented &&
  !event.isComposing &&
  !event.ctrlKey &&
  !event.metaKey &&
  !event.altKey &&
  event.key.length === 1
