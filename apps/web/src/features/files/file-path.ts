import type { PlaceName } from '#src/features/files/places.ts'

// Addresses of files, below `/owner/model/files/`. The name at the end of most is for programs and people that look at
// it: whatever stands there, the address leads to the same file.

export type FileAddress =
  | { kind: 'id'; id: string }
  | { kind: 'place'; option: string; choice: string | null }
  | { kind: 'free'; name: string }

/** Reads what follows `/files/`; null when it is no address of a file. */
export function readFileAddress(segments: readonly string[]): FileAddress | null {
  const [kind, first, second] = segments
  if (first === undefined || segments.some((segment) => segment.includes('\0'))) return null
  if (kind === 'id' && segments.length <= 3) return isId(first) ? { kind, id: first } : null
  if (kind === 'option' && segments.length <= 3) return { kind: 'place', option: first, choice: null }
  if (kind === 'choice' && second !== undefined && segments.length <= 4)
    return { kind: 'place', option: first, choice: second }
  return kind === 'free' && segments.length === 2 ? { kind, name: first } : null
}

/** The address of exactly this file, an earlier one too. */
export function pathOfFile(modelPath: string, file: { id: string; name: string }): string {
  return `${modelPath}/files/id/${file.id}/${encodeURIComponent(file.name)}`
}

/** The address of whatever file is the current one in a place; null for a place whose name no address can hold. */
export function pathOfPlace(modelPath: string, place: PlaceName, name: string): string | null {
  const segments =
    place.option === null
      ? ['free', name]
      : place.choice === null
        ? ['option', place.option, name]
        : ['choice', place.option, place.choice, name]
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return null
  return `${modelPath}/files/${segments.map(encodeURIComponent).join('/')}`
}

export const isId = (text: string) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
