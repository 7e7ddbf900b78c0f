import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { type Database, openDatabase } from './client.ts'

/** A database of its own for one test file: a copy of the migrated template, gone after `close`. */
export async function openTestDatabase(): Promise<Database & { url: string }> {
  const server = process.env.TEST_DATABASE_URL
  if (!server) throw new Error('TEST_DATABASE_URL is not set: run this test in the project `services`')
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name} template template_modelport`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const database = openDatabase(url.href, { max: 20, name: 'test' })
  return {
    ...database,
    url: url.href,
    close: async () => {
      await database.close()
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}
