import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Storage } from '@modelport/storage/storage'
import postgres, { type TransactionSql } from 'postgres'
import {
  BackupError,
  type Manifest,
  manifestFile,
  objectFile,
  objectListFile,
  type StoredObjectLine,
  tableFile,
} from './format.ts'

/** What of the database a backup is checked against: the bytes of these objects are known. */
interface Blob {
  key: string
  bytes: number
  sha256: string
}

/**
 * Writes a backup into a new or empty folder, while the installation runs.
 *
 * The database comes first, all of it as it was at one moment. The objects follow: the store only gains some meanwhile,
 * except those that a person deletes. Such a deletion takes an object away that the copied rows still name; then this
 * throws and the backup is taken again, rather than being one that cannot be restored.
 */
export async function takeBackup(databaseUrl: string, storage: Storage | null, folder: string): Promise<Manifest> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0)
    throw new BackupError(`${folder} is not empty; name a new folder for each backup.`)
  const takenAt = new Date().toISOString()
  const { blobs, ...database } = await copyDatabase(databaseUrl, folder)
  const objects = storage && (await copyObjects(storage, blobs, folder))
  const manifest: Manifest = { format: 1, takenAt, ...database, objects }
  await writeLast(manifestFile(folder), `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

async function copyDatabase(
  url: string,
  folder: string,
): Promise<Pick<Manifest, 'migrations' | 'tables' | 'sequences'> & { blobs: Blob[] }> {
  await mkdir(dirname(tableFile(folder, '')), { mode: 0o700 })
  // Without the limits of the processes: a large table takes longer than any page.
  const sql = postgres(url, { max: 1, onnotice() {}, connection: { application_name: 'modelport backup' } })
  try {
    return (await sql.begin('isolation level repeatable read read only', async (tx) => {
      const tables: Manifest['tables'] = []
      for (const name of await tableNames(tx)) tables.push(await copyTable(tx, name, folder))
      return {
        migrations: await migrationHashes(tx),
        tables,
        sequences: await tx<Manifest['sequences']>`
          select sequencename as name, last_value::text as value from pg_sequences
          where schemaname = 'public' order by sequencename`.then((rows) => [...rows]),
        blobs: [...(await tx<Blob[]>`select key, bytes::float8 as bytes, sha256 from blobs`)],
      }
    })) as Pick<Manifest, 'migrations' | 'tables' | 'sequences'> & { blobs: Blob[] }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** The tables of the installation; the queue's own schema is left out, because its jobs are made again from the rows. */
export async function tableNames(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`
  return rows.map(({ name }) => name)
}

export async function migrationHashes(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ hash: string }[]>`select hash from drizzle.__drizzle_migrations order by created_at, id`
  return rows.map(({ hash }) => hash)
}

/** Columns that are stored and not computed, in their order. */
export async function columnsOf(tx: TransactionSql, table: string): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = ('public.' || quote_ident(${table}))::regclass
      and attnum > 0 and not attisdropped and attgenerated = ''
    order by attnum`
  return rows.map(({ name }) => name)
}

async function copyTable(tx: TransactionSql, name: string, folder: string): Promise<Manifest['tables'][number]> {
  const columns = await columnsOf(tx, name)
  const rows = await tx.unsafe(`copy public.${quoted(name)} (${columns.map(quoted).join(', ')}) to stdout`).readable()
  const lines = new Measure()
  const file = new Measure()
  const target = createWriteStream(tableFile(folder, name), { mode: 0o600, flush: true })
  await pipeline(rows, lines, createGzip({ level: 1 }), file, target)
  // postgres.js pauses its socket while the reader is behind, and forgets to go on when the table ended meanwhile: the next
  // question would wait for ever.
  rows._read(0)
  // COPY writes a line end inside a value as two other characters, so each line is a row.
  return { name, columns, rows: lines.lineEnds, bytes: file.bytes, sha256: file.sha256() }
}

async function copyObjects(storage: Storage, blobs: Blob[], folder: string): Promise<Manifest['objects']> {
  const list = createWriteStream(objectListFile(folder), { mode: 0o600, flush: true })
  const written = new Measure()
  const writing = pipeline(written, list)
  const wanted = new Map(blobs.map((blob) => [blob.key, blob]))
  let count = 0
  for await (const { key } of storage.list('')) {
    const copied = await copyObject(storage, key, folder)
    // Gone since it was listed; whether that matters is seen below.
    if (!copied) continue
    const blob = wanted.get(key)
    if (blob && (blob.sha256 !== copied.sha256 || blob.bytes !== copied.bytes))
      throw new BackupError(
        `The object ${key} is not what the database says of it: ${blob.bytes} bytes, SHA-256 ${blob.sha256}.`,
      )
    wanted.delete(key)
    count++
    if (!written.write(`${JSON.stringify(copied)}\n`)) await new Promise((done) => written.once('drain', done))
  }
  written.end()
  await writing
  const [lost] = wanted.keys()
  if (lost)
    throw new BackupError(
      `The database names the object ${lost}, and the object store does not have it. If somebody deleted a file just now, take the backup again.`,
    )
  return { count, bytes: written.bytes, sha256: written.sha256() }
}

async function copyObject(storage: Storage, key: string, folder: string): Promise<StoredObjectLine | null> {
  const [about, bytes] = [await storage.head(key), await storage.read(key)]
  if (!about || !bytes) return null
  const file = objectFile(folder, key)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const measure = new Measure()
  await pipeline(bytes, measure, createWriteStream(file, { mode: 0o600, flush: true }))
  return { key, contentType: about.contentType, bytes: measure.bytes, sha256: measure.sha256() }
}

/** Hashes and counts what flows through. */
class Measure extends Transform {
  bytes = 0
  lineEnds = 0
  readonly #hash = createHash('sha256')

  override _transform(piece: Buffer, _encoding: string, done: (error: null, piece: Buffer) => void): void {
    this.bytes += piece.length
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) this.lineEnds++
    this.#hash.update(piece)
    done(null, piece)
  }

  sha256(): string {
    return this.#hash.digest('hex')
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Writes a file that appears whole or not at all, also when the machine stops now. */
async function writeLast(file: string, text: string): Promise<void> {
  const draft = `${file}.new`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  const folder = await open(dirname(file))
  await folder.sync().finally(() => folder.close())
}
