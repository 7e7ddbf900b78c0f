import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { detectLicence } from '@modelport/schema/licence/detect'
import { describeMissingConfig } from '@modelport/schema/missing-config'
import { PublisherError } from '../build-error.ts'
import type { Project } from '../plan/project.ts'
import type { Source } from '../source.ts'

/** Bytes read of a file of each kind. A longer README or licence is cut; a longer config goes to the parser, which refuses it. */
const maxBytes = {
  config: 65 * 1024,
  requirements: 64 * 1024,
  readme: 256 * 1024,
  licence: 64 * 1024,
  citation: 64 * 1024,
}

export interface Licence {
  spdx: string | null
  file: string
  text: string
}

/** The bytes of `runway.yml`. Throws `PublisherError` with the sentence that says what to add when there is none. */
export function readConfigFile(source: Source): Uint8Array {
  const bytes = readRegularFile(source, 'runway.yml', maxBytes.config)
  if (bytes) return bytes
  const { code, sentence } = describeMissingConfig(source.files.map((file) => file.path))
  throw new PublisherError(code, sentence, { step: 'config', file: 'runway.yml' })
}

/** The project as the planner may see it. */
export function projectOf(source: Source): Project {
  return {
    files: source.files,
    readText: (path) => {
      const found = source.files.find((file) => file.path === path)
      if (!found || found.link || found.bytes > maxBytes.requirements) return null
      const text = readRegularFile(source, path, maxBytes.requirements)?.toString('utf8') ?? null
      return text?.includes('\0') ? null : text
    },
  }
}

/** The README in the root, as text; null where there is none. */
export function readReadme(source: Source): string | null {
  const file = rootFile(source, /^readme(\.(md|markdown|rst|txt))?$/i)
  return file ? readText(source, file, maxBytes.readme) : null
}

/** The licence file in the root, as text and by name where the text is one that we know; null where there is none. */
export function readLicence(source: Source): Licence | null {
  const file = rootFile(source, /^(licen[cs]e|copying)(\.(md|txt|rst))?$/i)
  const text = file ? readText(source, file, maxBytes.licence) : null
  return file && text !== null ? { spdx: detectLicence(text), file, text } : null
}

/** CITATION.cff in the root, as text; a longer one is no citation. Null where there is none. */
export function readCitation(source: Source): string | null {
  const file = source.files.find((one) => one.path === 'CITATION.cff' && !one.link && one.bytes <= maxBytes.citation)
  return file ? readText(source, file.path, maxBytes.citation) : null
}

function rootFile(source: Source, pattern: RegExp): string | null {
  return source.files.find((file) => !file.link && pattern.test(file.path))?.path ?? null
}

function readText(source: Source, path: string, limit: number): string | null {
  return readRegularFile(source, path, limit)?.toString('utf8').replaceAll('\0', '').toWellFormed() ?? null
}

/** Reads at most `limit` bytes of a regular file; null for a link, a folder or nothing. No link is ever followed. */
function readRegularFile(source: Source, path: string, limit: number): Buffer | null {
  if (!source.files.some((file) => file.path === path && !file.link)) return null
  const descriptor = openSync(join(source.dir, path), constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const buffer = Buffer.alloc(Math.min(limit, fstatSync(descriptor).size))
    const read = readSync(descriptor, buffer, 0, buffer.length, 0)
    return buffer.subarray(0, read)
  } finally {
    closeSync(descriptor)
  }
}
