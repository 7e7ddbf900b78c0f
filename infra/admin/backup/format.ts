import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'

// A backup is a folder:
//   manifest.json    what it holds, with hashes; written last, so that a folder without it is no backup
//   database/        one file for each table: COPY's text format, gzip
//   objects.jsonl    one line for each object of the object store
//   objects/         their bytes, each under the SHA-256 of its key

/** Something that keeps a backup from being made or used; its message is for the operator. */
export class BackupError extends Error {
  override name = 'BackupError'
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Stored = { bytes: z.number().int().min(0), sha256: Sha256 }

export const Manifest = z.object({
  format: z.literal(1),
  takenAt: z.iso.datetime(),
  /** Hashes of the migrations that made the schema, in their order. */
  migrations: z.array(z.string()).min(1),
  tables: z.array(
    z.object({
      name: z.string().regex(/^[a-z_][a-z0-9_]*$/),
      columns: z.array(z.string().regex(/^[a-z_][a-z0-9_]*$/)).min(1),
      rows: z.number().int().min(0),
      ...Stored,
    }),
  ),
  /** The last number that each sequence gave; null when it gave none. */
  sequences: z.array(z.object({ name: z.string(), value: z.string().regex(/^\d+$/).nullable() })),
  /** Null when the installation had no object store. */
  objects: z.object({ count: z.number().int().min(0), ...Stored }).nullable(),
})
export type Manifest = z.infer<typeof Manifest>

export const StoredObjectLine = z.object({ key: z.string(), contentType: z.string().nullable(), ...Stored })
export type StoredObjectLine = z.infer<typeof StoredObjectLine>

export const manifestFile = (folder: string) => join(folder, 'manifest.json')
export const tableFile = (folder: string, table: string) => join(folder, 'database', `${table}.copy.gz`)
export const objectListFile = (folder: string) => join(folder, 'objects.jsonl')

/** Where an object's bytes lie: under the hash of its key, because keys are not names of files. */
export function objectFile(folder: string, key: string): string {
  const name = createHash('sha256').update(key).digest('hex')
  return join(folder, 'objects', name.slice(0, 2), name)
}

/** Reads what a backup says that it holds, or says why it is none. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(manifestFile(folder), 'utf8').catch((cause) => {
    throw new BackupError(`${folder} holds no whole backup: it has no manifest.json, which is written last.`, { cause })
  })
  try {
    return Manifest.parse(JSON.parse(text))
  } catch (cause) {
    throw new BackupError(`The manifest.json of ${folder} is not one that this release reads.`, { cause })
  }
}

/** The objects of a backup, in the order in which they were taken. */
export async function* readObjectList(folder: string): AsyncGenerator<StoredObjectLine> {
  for await (const line of createInterface({ input: createReadStream(objectListFile(folder)) })) {
    yield StoredObjectLine.parse(JSON.parse(line))
  }
}

/** Reads every byte of a backup and compares it with the manifest; throws one sentence at the first difference. */
export async function verifyBackup(folder: string, manifest: Manifest): Promise<void> {
  for (const table of manifest.tables) await verifyFile(tableFile(folder, table.name), table)
  if (!manifest.objects) return
  await verifyFile(objectListFile(folder), manifest.objects)
  let count = 0
  for await (const object of readObjectList(folder)) {
    await verifyFile(objectFile(folder, object.key), object)
    count++
  }
  if (count !== manifest.objects.count)
    throw new BackupError(`The backup lists ${count} objects where its manifest counts ${manifest.objects.count}.`)
}

async function verifyFile(file: string, wanted: { bytes: number; sha256: string }): Promise<void> {
  const found = await stat(file).catch(() => null)
  if (!found) throw new BackupError(`The backup is cut: ${file} is missing.`)
  if (found.size !== wanted.bytes)
    throw new BackupError(`The backup is cut: ${file} has ${found.size} bytes where ${wanted.bytes} were written.`)
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  if (hash.digest('hex') !== wanted.sha256)
    throw new BackupError(`The backup is damaged: the bytes of ${file} are not those that were written.`)
}
