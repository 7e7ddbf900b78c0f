import type { Place } from '#src/features/files/places.ts'
import { type ManifestField, readManifest } from '#src/features/models/manifest.ts'

const maxChoices = 200

/** The places that a model's options have, in their order. None: the Files tab waits for the first. */
export function placesOf(manifest: unknown): Place[] {
  return readManifest(manifest)?.options.flatMap(placesOfOption) ?? []
}

function placesOfOption(option: ManifestField): Place[] {
  const kind = kindOf(option)
  if (!kind) return []
  const place = { option: option.name, kind, description: option.description ?? null }
  if (kind !== 'category') {
    const extension =
      kind === 'file' && typeof option.extension === 'string' && option.extension ? option.extension : null
    return [{ ...place, choice: null, extension }]
  }
  const choices = Array.isArray(option.oneOf) ? option.oneOf.filter((choice) => typeof choice === 'string') : []
  return [...new Set(choices)].slice(0, maxChoices).map((choice) => ({ ...place, choice, extension: null }))
}

function kindOf({ type, isDirectory }: ManifestField): Place['kind'] | null {
  if (type === 'category') return 'category'
  if (type === 'directory' || (type === 'file' && isDirectory)) return 'directory'
  return type === 'file' ? 'file' : null
}
