import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSeed } from '@modelport/db/seed'
import { blobs } from '@modelport/db/tables/files'
import { models } from '@modelport/db/tables/models'
import { openTestDatabase } from '@modelport/db/testing'
import { openS3Storage } from '@modelport/storage/s3-storage'
import type { Storage } from '@modelport/storage/storage'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalS3, startLocalS3 } from '../../local-s3/server.ts'
import { manifestFile, readManifest, tableFile } from './format.ts'
import { restoreBackup } from './restore-backup.ts'
import { takeBackup } from './take-backup.ts'

const secrets = { accessKeyId: 'TEST', secretAccessKey: 'a secret of this test' }
type TestDatabase = Awaited<ReturnType<typeof openTestDatabase>>

let folder: string
let server: LocalS3
let storage: Storage
let source: TestDatabase
const large = randomBytes(17 * 2 ** 20)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-backup-'))
  server = await startLocalS3({
    ...secrets,
    host: '127.0.0.1',
    port: 0,
    dir: join(folder, 's3'),
    bucket: 'files',
    corsOrigins: [],
    uploadLifeMs: 3600_000,
  })
  storage = openS3Storage(
    { endpoint: server.url, publicEndpoint: server.url, region: 'us-east-1', bucket: 'files' },
    secrets,
  )
  source = await openTestDatabase()
  await fill(source)
})
afterAll(async () => {
  storage.close()
  await source.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

// Every file is flushed to the disk, which others may keep busy.
describe('a backup', { timeout: 180_000 }, () => {
  let target: TestDatabase
  let place: string
  let number = 0
  beforeEach(async () => {
    target = await openTestDatabase()
    place = join(folder, `backup-${++number}`)
    return () => target.close()
  })

  it('brings every row and every byte back after all was lost', async () => {
    const manifest = await takeBackup(source.url, storage, place)
    const keys = await keysOf(storage)
    expect(manifest.objects?.count).toBe(keys.length)
    const bytes = await Promise.all(keys.map((key) => storage.get(key, { maxBytes: 2 ** 26 })))
    await storage.delete(keys)

    await restoreBackup(target.url, storage, place)
    expect(await rowsOf(target.url)).toEqual(await rowsOf(source.url))
    expect(await keysOf(storage)).toEqual(keys)
    for (const [i, key] of keys.entries())
      expect(sha256((await storage.get(key, { maxBytes: 2 ** 26 }))!)).toBe(sha256(bytes[i]!))
    expect((await storage.head('gallery/one'))?.contentType).toBe('image/png')
    // References, triggers and sequences are as before: a restored installation goes on.
    expect(await schemaOf(target.url)).toEqual(await schemaOf(source.url))
    await publish(target, 'after')
  })

  it('keeps to the moment at which it began, whatever is written meanwhile', async () => {
    let during: Promise<unknown> | null = null
    const slow: Storage = {
      ...storage,
      // The database is copied by now; what comes later is not in it.
      list: (prefix) => {
        during ??= publish(source, 'meanwhile')
        return storage.list(prefix)
      },
    }
    const before = await rowsOf(source.url)
    await takeBackup(source.url, slow, place)
    await during
    await restoreBackup(target.url, storage, place)
    expect(await rowsOf(target.url)).toEqual(before)
  })

  it('is refused when it was cut short, and nothing is changed', async () => {
    await takeBackup(source.url, storage, place)
    const refused = async (sentence: RegExp) => {
      await expect(restoreBackup(target.url, storage, place)).rejects.toThrow(sentence)
      expect(await target.db.$count(models)).toBe(0)
    }
    const file = tableFile(place, 'models')
    const whole = readFileSync(file)
    truncateSync(file, 20)
    await refused(/^The backup is cut: .*models\.copy\.gz has 20 bytes where \d+ were written\.$/)
    rmSync(file)
    await refused(/^The backup is cut: .*models\.copy\.gz is missing\.$/)
    writeFileSync(file, Buffer.concat([whole.subarray(0, -1), Buffer.from([whole.at(-1)! ^ 1])]))
    await refused(/^The backup is damaged/)
    writeFileSync(file, whole)
    appendFileSync(join(place, 'objects.jsonl'), ' ')
    await refused(/objects\.jsonl has/)
    rmSync(manifestFile(place))
    await refused(/holds no whole backup: it has no manifest\.json/)
  })

  it('is not laid over rows unless that is asked for', async () => {
    await takeBackup(source.url, storage, place)
    await publish(target, 'mine')
    await expect(restoreBackup(target.url, storage, place)).rejects.toThrow(/is not empty: the table \w+ has rows/)
    await restoreBackup(target.url, storage, place, { force: true })
    expect(await rowsOf(target.url)).toEqual(await rowsOf(source.url))
  })

  it('is refused by a database of another schema, and while one of our processes is connected', async () => {
    await takeBackup(source.url, storage, place)
    const manifest = await readManifest(place)
    writeFileSync(manifestFile(place), JSON.stringify({ ...manifest, migrations: manifest.migrations.slice(0, -1) }))
    await expect(restoreBackup(target.url, storage, place)).rejects.toThrow(/has the schema of another release: /)
    writeFileSync(manifestFile(place), JSON.stringify(manifest))
    const worker = postgres(target.url, { max: 1, connection: { application_name: 'modelport-worker' } })
    await worker`select 1`
    await expect(restoreBackup(target.url, storage, place)).rejects.toThrow(/\(modelport-worker\)\. Stop web, receiver/)
    await worker.end()
  })

  it('is not made when the store lacks what the database names, nor into a folder that has something', async () => {
    await storage.delete(['files/small'])
    await expect(takeBackup(source.url, storage, place)).rejects.toThrow(/names the object files\/small, and/)
    await expect(readManifest(place)).rejects.toThrow(/no whole backup/)
    await expect(takeBackup(source.url, storage, place)).rejects.toThrow(/is not empty/)
    await storage.put('files/small', Buffer.from('other'), { contentType: 'application/octet-stream' })
    await expect(takeBackup(source.url, storage, `${place}-b`)).rejects.toThrow(/is not what the database says of it/)
    await storage.put('files/small', Buffer.from('small'), { contentType: 'application/octet-stream' })
  })
})

async function fill(database: TestDatabase): Promise<void> {
  await publish(database, 'one')
  await publish(database, 'two')
  for (const [key, bytes] of [
    ['files/small', Buffer.from('small')],
    ['files/large', large],
  ] as const) {
    await storage.put(key, bytes, { contentType: 'application/octet-stream' })
    await database.db.insert(blobs).values({ key, bytes: bytes.length, sha256: sha256(bytes) })
  }
  await storage.put('gallery/one', randomBytes(1000), { contentType: 'image/png' })
}

async function publish(database: TestDatabase, name: string): Promise<void> {
  const seed = makeSeed(database.db)
  const { model } = await seed.model({ name })
  // What COPY has to write in another way than it stands.
  await seed.publishedVersion(model, {
    subject: 'A tab\t, a \\backslash, \\. and “quotes”',
    readme: 'Two\nlines\r\n',
    lines: 2000,
  })
}

/** Every row of every table, as JSON. */
async function rowsOf(url: string): Promise<Record<string, string[]>> {
  const sql = postgres(url, { max: 1 })
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`
  const all: Record<string, string[]> = {}
  for (const { name } of tables) {
    const rows = await sql.unsafe<{ row: string }[]>(
      `select to_jsonb(t)::text as row from public."${name}" t order by 1`,
    )
    all[name] = rows.map(({ row }) => row)
  }
  await sql.end()
  return all
}

async function schemaOf(url: string): Promise<unknown> {
  const sql = postgres(url, { max: 1 })
  const found = [
    await sql`select conname, pg_get_constraintdef(oid) as def, convalidated from pg_constraint
      where connamespace = 'public'::regnamespace order by 1, 2`,
    await sql`select tgname, tgenabled from pg_trigger where not tgisinternal order by 1`,
    await sql`select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1`,
  ]
  await sql.end()
  return JSON.parse(JSON.stringify(found))
}

async function keysOf(store: Storage): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys.sort()
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
