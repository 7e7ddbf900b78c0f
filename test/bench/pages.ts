/// <reference lib="dom" />
import { gzipSync } from 'node:zlib'
import { type Database, openDatabase } from '@modelport/db/client'
import { generateModels, insertModels } from '@modelport/db/generate-models'
import { makeSeed } from '@modelport/db/seed'
import { allApps } from '@modelport/infra/local/apps'
import type { Browser } from 'playwright-core'
import { launchBrowser, openContext } from '../browser.ts'
import { openWorld } from '../world.ts'
import { machineFacts, median, printTable, quantile } from './measure.ts'

interface Route {
  name: string
  path: string
  as: 'nobody' | 'alice'
  /** kB of compressed JavaScript that the first page may load, by the design's section 11. */
  budget: number
  /** Milliseconds to the largest paint. */
  lcp: number
}
const sketch = '/alice/depth-sketch'
const routes: Route[] = [
  { name: 'home', path: '/', as: 'nobody', budget: 150, lcp: 2000 },
  { name: 'directory', path: '/models', as: 'nobody', budget: 165, lcp: 2000 },
  { name: 'overview', path: sketch, as: 'nobody', budget: 150, lcp: 2000 },
  { name: 'API', path: `${sketch}/api`, as: 'nobody', budget: 150, lcp: 2000 },
  { name: 'license', path: `${sketch}/license`, as: 'nobody', budget: 150, lcp: 2000 },
  { name: 'profile', path: '/alice', as: 'nobody', budget: 150, lcp: 2000 },
  { name: 'build and log', path: `${sketch}@1/build`, as: 'alice', budget: 165, lcp: 2500 },
  { name: 'compare', path: `${sketch}/compare/1...2`, as: 'alice', budget: 155, lcp: 2500 },
  { name: 'versions', path: `${sketch}/versions`, as: 'alice', budget: 170, lcp: 2500 },
  { name: 'dashboard', path: '/dashboard', as: 'alice', budget: 170, lcp: 2500 },
  { name: 'files', path: `${sketch}/files`, as: 'alice', budget: 190, lcp: 2500 },
  { name: 'settings', path: `${sketch}/settings`, as: 'alice', budget: 210, lcp: 2500 },
  { name: 'new', path: '/new', as: 'alice', budget: 210, lcp: 2500 },
]
const rounds = 7
const loadSeconds = 5
const loadConnections = 16

/**
 * What the site's pages cost: JavaScript of the first load against the design's budgets; time to first byte, largest paint
 * and layout shift in Chromium with a processor four times slower and a slow 4G link; and requests a second of the directory
 * and the overview beside a static file of the same server.
 */
export async function benchPages(): Promise<void> {
  console.log(machineFacts())
  const world = await openWorld({
    apps: allApps.filter(({ name }) => name === 'web' || name === 'local-github'),
    engine: 'none',
    postgresSettings: {},
  })
  const database = openDatabase(world.stack.state.database.url, { max: 2, name: 'bench' })
  const browser = await launchBrowser()
  try {
    const { url: site } = world.stack.state.site
    // Makes the person's row, to which rights can be given.
    await (await openContext(browser, site)).close()
    await fill(database)
    const rows = []
    for (const route of routes) rows.push(await measureRoute(browser, database, site, route))
    console.log(`\nFirst visits, median of ${rounds}; processor 4 times slower, 9 Mbit/s, 150 ms there and back`)
    printTable([['page', 'JS kB', 'budget', 'first byte ms', 'LCP ms', 'goal', 'CLS', ''], ...rows])
    await measureLoad(site)
  } finally {
    await browser.close()
    await database.close()
    await world.stop()
  }
}

async function fill(database: Database): Promise<void> {
  await insertModels(database.db, generateModels(2000))
  const seed = makeSeed(database.db)
  const { model } = await seed.model({ name: 'depth-sketch', summary: 'Turns a photo into a line drawing.' })
  const readme = `# Depth sketch\n\n${'It was trained on pencil sketches of many rooms. '.repeat(60)}\n`
  await seed.publishedVersion(model, { readme, lines: 2000 })
  await seed.publishedVersion(model, { readme, lines: 200 })
  for (const user of await database.db.query.users.findMany()) await seed.permission(user, model, 'admin')
}

async function measureRoute(browser: Browser, database: Database, site: string, route: Route) {
  const scripts: number[] = []
  const firstByte: number[] = []
  const paint: number[] = []
  const shift: number[] = []
  for (let round = 0; round < rounds; round++) {
    // A context of its own has an empty cache: each visit is a first one.
    const context = await openContext(browser, site, { login: route.as === 'alice' ? 'alice' : null })
    // Rights are believed for five minutes, and there is no repository to ask again about.
    await database.sql`update model_permissions set checked_at = now()`
    const page = await context.newPage()
    const loaded: Promise<number>[] = []
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script')
        loaded.push(
          response.body().then(
            (body) => gzipSync(body, { level: 6 }).length,
            () => 0,
          ),
        )
    })
    const devtools = await context.newCDPSession(page)
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await devtools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 150,
      downloadThroughput: (9 * 1024 * 1024) / 8,
      uploadThroughput: (1.5 * 1024 * 1024) / 8,
    })
    await page.addInitScript(() => {
      const seen = { lcp: 0, cls: 0 }
      Object.assign(globalThis, { seen })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.lcp = entry.startTime
      }).observe({ type: 'largest-contentful-paint', buffered: true })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[])
          if (!entry.hadRecentInput) seen.cls += entry.value
      }).observe({ type: 'layout-shift', buffered: true })
    })
    const response = await page.goto(`${site}${route.path}`, { waitUntil: 'load' })
    if (response?.status() !== 200) throw new Error(`${route.path} answered ${response?.status()}`)
    await page.waitForTimeout(500)
    const found = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
      const { seen } = globalThis as unknown as { seen: { lcp: number; cls: number } }
      return { ...seen, firstByte: navigation!.responseStart - navigation!.requestStart }
    })
    scripts.push((await Promise.all(loaded)).reduce((sum, bytes) => sum + bytes, 0) / 1000)
    firstByte.push(found.firstByte)
    paint.push(found.lcp)
    shift.push(found.cls)
    await context.close()
  }
  const held = median(scripts) <= route.budget && quantile(paint, 0.75) <= route.lcp && quantile(shift, 0.75) <= 0.02
  return [
    route.name,
    median(scripts).toFixed(0),
    route.budget,
    median(firstByte).toFixed(0),
    median(paint).toFixed(0),
    route.lcp,
    median(shift).toFixed(3),
    held ? 'held' : 'MISSED',
  ]
}

/** Requests a second over a few connections that ask again as soon as they are answered. */
async function measureLoad(site: string): Promise<void> {
  const page = await (await fetch(`${site}/models`)).text()
  const file = /\/_next\/static\/chunks\/[\w.~-]+\.js/.exec(page)![0]
  const rates: [string, number, number[]][] = []
  for (const [name, path] of [
    ['a static file', file],
    ['directory', '/models'],
    ['overview', sketch],
    ['API: directory', '/api/v1/models'],
    ['a static file again', file],
  ] as const) {
    const times: number[] = []
    const end = performance.now() + loadSeconds * 1000
    const client = async () => {
      while (performance.now() < end) {
        const began = performance.now()
        const response = await fetch(`${site}${path}`)
        await response.arrayBuffer()
        if (!response.ok) throw new Error(`${path} answered ${response.status}`)
        times.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: loadConnections }, client))
    rates.push([name, times.length / loadSeconds, times])
  }
  const still = (rates[0]![1] + rates.at(-1)![1]) / 2
  console.log(`\n${loadConnections} connections for ${loadSeconds} s each`)
  printTable([
    ['', 'a second', 'of a static file', 'p50 ms', 'p99 ms'],
    ...rates.map(([name, rate, times]) => [
      name,
      rate.toFixed(0),
      (rate / still).toFixed(2),
      median(times).toFixed(1),
      quantile(times, 0.99).toFixed(1),
    ]),
  ])
}
