// Without zod and the manifest: the page's upload controls bring this into the browser.

/** A place for a checkpoint: a choice of a category, or an option that takes a file or a directory (product decision 9). */
export interface Place {
  option: string
  /** Null where the option is no category. */
  choice: string | null
  kind: 'category' | 'file' | 'directory'
  description: string | null
  /** What the model demands of a name's end; null where it demands nothing. */
  extension: string | null
}

/** What names a place, a free file's with an option of null. */
export interface PlaceName {
  option: string | null
  choice: string | null
}

/** What the SDK unpacks where a model asks for a directory. */
const archives = ['.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tar.xz']

export const isSamePlace = (a: PlaceName, b: PlaceName) => a.option === b.option && a.choice === b.choice

/** The ends that a name may have in a place; null where every name will do. */
export function endingsOf(place: Pick<Place, 'kind' | 'extension'>): string[] | null {
  if (place.kind === 'directory') return archives
  return place.extension ? [place.extension] : null
}

/** Why a file of this name is of no use in a place, as a sentence; null when it is. */
export function nameProblem(place: Pick<Place, 'kind' | 'extension' | 'option'>, name: string): string | null {
  const endings = endingsOf(place)
  if (!endings || endings.some((ending) => name.endsWith(ending))) return null
  return place.kind === 'directory'
    ? `The option ${place.option} takes a directory: send it as a tar archive (${endings.join(', ')}).`
    : `The option ${place.option} takes files whose name ends with ${place.extension}.`
}

/** The place's name for people: `style: night`, `weights`. */
export const placeWords = ({ option, choice }: PlaceName) =>
  option === null ? 'free file' : choice === null ? option : `${option}: ${choice}`
