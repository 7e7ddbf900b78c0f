/// <reference lib="dom" />

import { openDatabase } from '@modelport/db/client'
import { appendLines } from '@modelport/db/queries/builds'
import { makeSeed } from '@modelport/db/seed'
import { allApps } from '@modelport/infra/local/apps'
import type { Page } from 'playwright-core'
import { launchBrowser, openContext } from '../browser.ts'
import { openWorld, until } from '../world.ts'
import { machineFacts, median, printTable, quantile } from './measure.ts'

const lines = 200_000
const liveLines = 30

/**
 * A log of 200,000 lines: how soon it opens at its first error, what the longest task is while it is scrolled from end to
 * end, and how soon a line that is printed now is on the page.
 */
export async function benchLog(): Promise<void> {
  console.log(machineFacts())
  const world = await openWorld({
    apps: allApps.filter(({ name }) => name === 'web' || name === 'local-github'),
    engine: 'none',
    postgresSettings: {},
  })
  const database = openDatabase(world.stack.state.database.url, { max: 2, name: 'bench' })
  const browser = await launchBrowser()
  try {
    const seed = makeSeed(database.db)
    const { url: site } = world.stack.state.site
    const context = await openContext(browser, site, { login: 'alice' })
    const long = await seed.model({ name: 'long-log' })
    await seed.failedBuild(long.model, { step: 'build:2', lines })
    const live = await seed.model({ name: 'live-log' })
    const { lease } = await seed.runningBuild(live.model, { lines: 100 })
    for (const user of await database.db.query.users.findMany())
      for (const { model } of [long, live]) await seed.permission(user, model, 'admin')

    const page = await context.newPage()
    await page.addInitScript(() => {
      const tasks: number[] = []
      Object.assign(globalThis, { tasks })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) tasks.push(entry.duration)
      }).observe({ type: 'longtask', buffered: true })
    })
    const opened = performance.now()
    await page.goto(`${site}/alice/long-log@1/build`)
    await page.getByText('No matching distribution found').first().waitFor()
    const openMs = performance.now() - opened
    const openTask = await longestTask(page)
    const { frames, seconds } = await scroll(page)
    const scrollTask = await longestTask(page)
    const memory = await page.evaluate(
      () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    )
    console.log(`\nA log of ${lines} lines`)
    printTable([
      ['', 'measured', 'goal', ''],
      ['opens at its first error, ms', openMs.toFixed(0), '', ''],
      ['longest task while it opens, ms', openTask.toFixed(0), 200, verdict(openTask <= 200)],
      ['longest task while it is scrolled, ms', scrollTask.toFixed(0), 200, verdict(scrollTask <= 200)],
      ['frames a second while it is scrolled', (frames / seconds).toFixed(0), '', ''],
      ['heap afterwards, MB', (memory / 1e6).toFixed(0), 150, verdict(memory < 150e6)],
    ])

    await page.goto(`${site}/alice/live-log@1/build`)
    await page.getByText('running build_ext').first().waitFor()
    const delays: number[] = []
    for (let n = 0; n < liveLines; n++) {
      const text = `live line ${n} of ${liveLines}`
      const printed = performance.now()
      await appendLines(database.db, lease, [{ step: 'build:2', stream: 'stdout', text, printedAt: new Date() }])
      await until(() => page.getByText(text, { exact: true }).count(), 30_000, text)
      delays.push(performance.now() - printed)
      await page.waitForTimeout(200)
    }
    console.log(
      `\nA line that is printed now is on the page after ${median(delays).toFixed(0)} ms (p99 ${quantile(delays, 0.99).toFixed(0)} ms; goal 1000): ${verdict(quantile(delays, 0.99) < 1000)}`,
    )
  } finally {
    await browser.close()
    await database.close()
    await world.stop()
  }
}

const verdict = (holds: boolean) => (holds ? 'held' : 'MISSED')

/** The longest task since the last look, in milliseconds; the browser counts those above 50. */
const longestTask = (page: Page) =>
  page.evaluate(() => {
    const { tasks } = globalThis as unknown as { tasks: number[] }
    return Math.max(0, ...tasks.splice(0))
  })

/** From the top to the end in 200 steps, a frame each, through every fold that is open. */
async function scroll(page: Page): Promise<{ frames: number; seconds: number }> {
  const box = page.getByRole('region', { name: /log/i }).first()
  return box.evaluate(async (region) => {
    // No function of its own for a frame: what tsx wraps around a named one is not there in the page.
    const scroller = region.scrollHeight > region.clientHeight ? region : document.scrollingElement!
    const steps = 200
    const began = await new Promise<number>(requestAnimationFrame)
    for (let n = 0; n <= steps; n++) {
      scroller.scrollTop = (scroller.scrollHeight * n) / steps
      await new Promise<number>(requestAnimationFrame)
    }
    return { frames: steps, seconds: ((await new Promise<number>(requestAnimationFrame)) - began) / 1000 }
  })
}
