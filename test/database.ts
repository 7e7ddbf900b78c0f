import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '@modelport/db/migrate'
import { freePorts } from '@modelport/infra/local/ports'
import { createDatabase, postgresPlace, startPostgres } from '@modelport/infra/local/postgres'
import { silentReport } from '@modelport/infra/local/report'

/** One PostgreSQL for a run of the services tests, with a migrated template that each test file copies. */
export default async function setup(): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'modelport-test-db-'))
  const logs = join(home, 'logs')
  mkdirSync(logs)
  const { postgres: port } = await freePorts()
  const { url, child } = await startPostgres({
    home,
    logs,
    port,
    password: randomBytes(12).toString('hex'),
    hooks: { report: silentReport, processChanged() {} },
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  await createDatabase(url, 'template_modelport')
  const template = new URL(url)
  template.pathname = '/template_modelport'
  await migrate(template.href)
  process.env.TEST_DATABASE_URL = url
  return async () => {
    await child.stop()
    for (const place of [home, postgresPlace(home)]) rmSync(place, { recursive: true, force: true })
  }
}
