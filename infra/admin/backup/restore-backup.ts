import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { migrate } from '@modelport/db/migrate'
import type { Storage } from '@modelport/storage/storage'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import {
  BackupError,
  type Manifest,
  objectFile,
  readManifest,
  readObjectList,
  tableFile,
  verifyBackup,
} from './format.ts'
import { columnsOf, migrationHashes, quoted, tableNames } from './take-backup.ts'

const partBytes = 64 * 2 ** 20
/** Objects up to this size are sent in one piece. */
const pieceBytes = 16 * 2 ** 20

/** What lies in the object store without being in the backup: it was stored after the backup was taken. */
export interface Restored {
  manifest: Manifest
  newerObjects: number
}

/**
 * Puts an installation back to what a backup holds. Nothing is changed before the whole backup was read and found good,
 * its schema is this release's, the database is empty (or `force` is set) and none of our processes is connected to it.
 * Objects come first and the database last, in one transaction, so that no row names an object that is missing.
 */
export async function restoreBackup(
  databaseUrl: string,
  storage: Storage | null,
  folder: string,
  { force = false } = {},
): Promise<Restored> {
  const manifest = await readManifest(folder)
  await verifyBackup(folder, manifest)
  if (manifest.objects?.count && !storage)
    throw new BackupError(
      `The backup holds ${manifest.objects.count} objects, and no object store is named here (S3_ENDPOINT).`,
    )
  const sql = postgres(databaseUrl, { max: 1, onnotice() {}, connection: { application_name: 'modelport restore' } })
  try {
    await refuseOthers(sql)
    const [{ made } = { made: false }] = await sql<{ made: boolean }[]>`
      select to_regclass('drizzle.__drizzle_migrations') is not null as made`
    if (!made) await migrate(databaseUrl)
    await sql.begin((tx) => refuseOtherSchema(tx, manifest))
    if (!force) await sql.begin(refuseRows)
    const newerObjects = storage && manifest.objects ? await restoreObjects(storage, folder) : 0
    await sql.begin((tx) => restoreRows(tx, manifest, folder))
    await sql`analyze`
    return { manifest, newerObjects }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function refuseOthers(sql: Sql): Promise<void> {
  const others = await sql<{ name: string }[]>`
    select distinct application_name as name from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name like 'modelport-%'`
  if (others.length > 0)
    throw new BackupError(
      `Something still works on this database (${others.map(({ name }) => name).join(', ')}). Stop web, receiver and worker first.`,
    )
}

async function refuseOtherSchema(tx: TransactionSql, { migrations }: Manifest): Promise<void> {
  const here = await migrationHashes(tx)
  if (here.join() === migrations.join()) return
  throw new BackupError(
    `The backup has the schema of another release: ${migrations.length} migrations where this database has ${here.length}. Restore it with the release that took it into an empty database, then run \`prepare\` of the newer one.`,
  )
}

async function refuseRows(tx: TransactionSql): Promise<void> {
  for (const name of await tableNames(tx)) {
    const [found] = await tx.unsafe(`select 1 from public.${quoted(name)} limit 1`)
    if (found)
      throw new BackupError(
        `The database is not empty: the table ${name} has rows. Name an empty database, or add --force to replace all of it.`,
      )
  }
}

async function restoreRows(tx: TransactionSql, manifest: Manifest, folder: string): Promise<void> {
  // Tables refer to each other in circles. The references are taken off and put back, which checks each of them.
  const references = await tx<{ relation: string; name: string; definition: string }[]>`
    select conrelid::regclass::text as relation, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0`
  for (const { relation, name } of references) await tx.unsafe(`alter table ${relation} drop constraint ${name}`)
  const tables = await tableNames(tx)
  const known = new Set(manifest.tables.map(({ name }) => name))
  const strange = tables.find((name) => !known.has(name))
  if (strange) throw new BackupError(`The table ${strange} of this database is not in the backup.`)
  await tx.unsafe(`truncate ${tables.map((name) => `public.${quoted(name)}`).join(', ')}`)
  for (const table of manifest.tables) await restoreTable(tx, table, folder)
  for (const { relation, name, definition } of references)
    await tx.unsafe(`alter table ${relation} add constraint ${name} ${definition}`)
  for (const { name, value } of manifest.sequences) {
    const sequence = `public.${quoted(name)}`
    await (value === null
      ? tx`select setval(${sequence}::regclass, 1, false)`
      : tx`select setval(${sequence}::regclass, ${value}::bigint)`)
  }
}

async function restoreTable(tx: TransactionSql, table: Manifest['tables'][number], folder: string): Promise<void> {
  const { name, columns } = table
  const here = new Set(await columnsOf(tx, name))
  const missing = columns.find((column) => !here.has(column))
  if (missing) throw new BackupError(`The table ${name} of this database has no column ${missing}.`)
  // Rows are laid down as they were; what a trigger would make of them is among them.
  await tx.unsafe(`alter table public.${quoted(name)} disable trigger user`)
  const rows = await tx.unsafe(`copy public.${quoted(name)} (${columns.map(quoted).join(', ')}) from stdin`).writable()
  await pipeline(createReadStream(tableFile(folder, name)), createGunzip(), rows)
  await tx.unsafe(`alter table public.${quoted(name)} enable trigger user`)
  const [counted] = await tx.unsafe<{ rows: string }[]>(`select count(*)::text as rows from public.${quoted(name)}`)
  if (Number(counted?.rows) !== table.rows)
    throw new BackupError(`The table ${name} came to ${counted?.rows} rows where the backup counts ${table.rows}.`)
}

/** Sends every object of the backup; returns how many others lie in the store. */
async function restoreObjects(storage: Storage, folder: string): Promise<number> {
  let count = 0
  for await (const { key, bytes, contentType } of readObjectList(folder)) {
    const file = objectFile(folder, key)
    if (bytes <= pieceBytes)
      await storage.put(key, await readFile(file), { contentType: contentType ?? 'application/octet-stream' })
    else await sendInParts(storage, key, file, bytes)
    count++
  }
  let all = 0
  for await (const _ of storage.list('')) all++
  return all - count
}

async function sendInParts(storage: Storage, key: string, file: string, bytes: number): Promise<void> {
  const uploadId = await storage.createUpload(key)
  const source = await open(file)
  try {
    const parts: { number: number; etag: string }[] = []
    for (let start = 0, number = 1; start < bytes; start += partBytes, number++) {
      const body = Buffer.alloc(Math.min(partBytes, bytes - start))
      await source.read(body, 0, body.length, start)
      const { url } = await storage.signPart({ key, uploadId, number, bytes: body.length })
      const answer = await fetch(url, { method: 'PUT', body, signal: AbortSignal.timeout(600_000) })
      const etag = answer.headers.get('etag')
      if (!answer.ok || !etag) throw new BackupError(`The object store answered ${answer.status} to a part of ${key}.`)
      parts.push({ number, etag })
    }
    await storage.completeUpload({ key, uploadId }, parts)
  } catch (error) {
    await storage.abortUpload({ key, uploadId }).catch(() => undefined)
    throw error
  } finally {
    await source.close()
  }
}
