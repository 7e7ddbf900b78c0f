/// <reference lib="dom" />
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, createReadStream, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, openDatabase } from '@modelport/db/client'
import { findModel } from '@modelport/db/queries/models'
import { sampleManifest } from '@modelport/db/seed'
import { freePorts } from '@modelport/infra/local/ports'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Link, type LinkOptions, openLink } from './cut-link.ts'
import { signIn } from './sign-in.ts'
import { fixtures, openWorld, until, type World } from './world.ts'

/** A Modelport with models that have places for files, a browser in which alice is signed in, and a link that can be cut. */
export interface FilesWorld {
  world: World
  database: Database
  link: Link
  /** A browser of its own, signed in; closing it is closing the browser. */
  openBrowser(options?: { javaScriptEnabled?: boolean; login?: string | null }): Promise<BrowserContext>
  /** Makes `owner/name` a model with the places of the sample manifest; without a manifest's options, one with none. */
  model(name: string, options?: { places?: boolean }): Promise<{ path: string; url: string }>
  stop(): Promise<void>
}

export const manifestWithPlaces = {
  ...sampleManifest,
  options: [...sampleManifest.options, { name: 'weights', type: 'file', extension: '.safetensors' }],
}

export async function openFilesWorld(options: Omit<LinkOptions, 'target'> = {}): Promise<FilesWorld> {
  const ports = await freePorts()
  let world: World | undefined
  const link = await openLink((await freePorts()).web, {
    ...options,
    target: () => ({ host: '127.0.0.1', port: Number(new URL(world!.stack.state.objectStore!.endpoint).port) }),
  })
  let browser: Browser | undefined
  try {
    // The browser reaches the object store over the link; the site and the worker reach it directly.
    world = await openWorld({ ports, appEnv: { S3_PUBLIC_ENDPOINT: `http://localhost:${link.port}` } })
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumArguments })
  } catch (error) {
    await link.close()
    await world?.stop()
    throw error
  }
  const opened = { world, browser }
  const database = openDatabase(world.stack.state.database.url, { max: 4 })
  const { url: site } = world.stack.state.site
  return {
    world,
    database,
    link,
    async openBrowser({ login = 'alice', ...more } = {}) {
      const context = await opened.browser.newContext({
        viewport: { width: 1280, height: 900 },
        // Colours are judged, and one on its way to another is neither.
        reducedMotion: 'reduce',
        ...more,
      })
      const cookies = login ? (await signIn(site, login)).split('; ') : []
      await context.addCookies(
        cookies.map((cookie) => {
          const at = cookie.indexOf('=')
          return { name: cookie.slice(0, at), value: cookie.slice(at + 1), url: site }
        }),
      )
      return context
    },
    async model(name, { places = true } = {}) {
      // A repository without a runway.yml is a model that waits; its version is put there without building it.
      await opened.world.push(`alice/${name}`, join(fixtures, 'not-a-model'))
      const found = await until(() => findModel(database.db, 'alice', name), 20_000, `the model ${name}`)
      const manifest = places ? manifestWithPlaces : { ...sampleManifest, options: [] }
      const { sql } = database
      const [version] = await sql`
        insert into versions (model_id, number, commit, trigger, state, manifest)
        values (${found.model.id}, 1, ${randomBytes(20).toString('hex')}, 'push', 'ready', ${JSON.stringify(manifest)}::jsonb)
        returning id`
      await sql`update models set state = 'active', default_version_id = ${version!.id} where id = ${found.model.id}`
      return { path: `/models/alice/${name}`, url: `${site}/alice/${name}` }
    },
    async stop() {
      await opened.browser.close()
      await link.close()
      await database.close()
      await opened.world.stop()
    },
  }
}

const chromiumArguments =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
    ' ',
  )

/** Writes a file of `bytes` that no two runs have alike, without holding it; returns its SHA-256. */
export function writeLargeFile(path: string, bytes: number, seed = 'modelport'): string {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(2 ** 20)
  for (let i = 0; i < chunk.length; i += 32) createHash('sha256').update(`${seed}${i}`).digest().copy(chunk, i)
  const file = openSync(path, 'w')
  try {
    for (let written = 0; written < bytes; written += chunk.length) {
      chunk.writeBigUInt64LE(BigInt(written))
      const piece = chunk.subarray(0, Math.min(chunk.length, bytes - written))
      writeSync(file, piece)
      hash.update(piece)
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

/** The rows of the list of uploads, each with its state and its words. */
export async function uploadRows(page: Page): Promise<{ state: string; text: string }[]> {
  return page
    .locator('li[data-upload]')
    .evaluateAll((rows) =>
      rows.map((row) => ({ state: row.getAttribute('data-upload') ?? '', text: row.textContent ?? '' })),
    )
}

export async function untilUpload(page: Page, state: string, ms = 120_000): Promise<string> {
  return until(
    async () => {
      const rows = await uploadRows(page).catch(() => [])
      const failed = rows.find((row) => row.state === 'failed')
      if (failed && state !== 'failed') throw new Error(`the upload failed: ${failed.text}`)
      return rows.find((row) => row.state === state)?.text
    },
    ms,
    `an upload that is ${state}`,
  )
}

/** Follows a process' memory, in bytes: how much it holds, and the most that it held since this began. */
export function watchMemory(pid: number): { now(): number; peak(): number } {
  const read = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return Number(found?.[1] ?? 0) * 1024
  }
  // Begins the high-water mark anew (proc_pid_clear_refs(5)).
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  return { now: () => read('VmRSS'), peak: () => read('VmHWM') }
}
