import type { RecordedChange } from '@modelport/db/queries/model-changes'
import type { ChangedThing } from '@modelport/schema/model-changes'

/** The record of changes in words. What stands in it was written by older versions of this code too, so all of it is read with care. */

const things: Record<ChangedThing, string> = {
  created: 'The model',
  name: 'Name',
  visibility: 'Visibility',
  'repository-visibility': 'The repository’s visibility',
  branch: 'Production branch',
  'branch-rules': 'Branch rules',
  'tag-rules': 'Tag rules',
  'substitution-policy': 'Substitution policy',
  'viewers-see-versions': 'Viewers see versions',
  'viewers-see-logs': 'Viewers see build logs',
  'viewers-see-files': 'Viewers see files',
  title: 'Title',
  summary: 'Summary',
  overview: 'Overview',
  keywords: 'Keywords',
  links: 'Papers and links',
  authors: 'Attributions',
  license: 'Licence',
  performance: 'Performance notes',
  gallery: 'Gallery',
  file: 'File',
  'default-version': 'Default version',
  yank: 'Yank',
  archive: 'Archived',
  delete: 'Deleted',
}

/** What changed, from what and to what; `from` is null where there was nothing before. */
export function changeWords({ what, from, to }: Pick<RecordedChange, 'what' | 'from' | 'to'>) {
  const thing = things[what] ?? what
  if (what === 'created') return { thing, from: null, to: `made from the repository ${valueWords(to)}` }
  if (what === 'default-version') return { thing, from: defaultWords(from), to: defaultWords(to) }
  if (what === 'yank') {
    const { version, yanked } = fieldsOf(to)
    return { thing: `Version ${valueWords(version)}`, from: null, to: yanked === true ? 'yanked' : 'offered again' }
  }
  return { thing, from: valueWords(from), to: valueWords(to) }
}

export function defaultWords(value: unknown): string {
  const { version, policy } = fieldsOf(value)
  const name = typeof version === 'number' ? `Version ${version}` : 'No version'
  return policy === 'pinned' ? `${name}, pinned` : `${name}, by “latest ready version”`
}

function valueWords(value: unknown): string {
  if (value === null || value === undefined) return 'as the repository has it'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.length > 0 ? value.map(itemWords).join('; ') : 'none'
  return itemWords(value)
}

/** The fields of a link, an attribution, a licence, a note or a file, in the order in which people read them. */
const fieldOrder = ['name', 'title', 'spdx', 'hardware', 'option', 'choice', 'role', 'time', 'memory', 'version', 'url']

function itemWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const place = (key: string) => (fieldOrder.includes(key) ? fieldOrder.indexOf(key) : fieldOrder.length)
  return Object.entries(value)
    .filter(([, part]) => part !== null && part !== '')
    .sort(([a], [b]) => place(a) - place(b))
    .map(([, part]) => String(part))
    .join(', ')
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
