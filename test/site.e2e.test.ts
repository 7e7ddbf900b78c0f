/// <reference lib="dom" />
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Database, openDatabase } from '@modelport/db/client'
import type { Model } from '@modelport/db/queries/models'
import { makeSeed, type Seed } from '@modelport/db/seed'
import { allApps } from '@modelport/infra/local/apps'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { accessibilityProblems, launchBrowser, openContext } from './browser.ts'
import { openWorld, until, type World } from './world.ts'

// Every page and state as people see it: screenshots at three widths in both themes (kept in test-output/screenshots), axe,
// no sideways scrolling at 320 px, public pages without JavaScript, and the main tasks by keyboard alone.

const screenshots = fileURLToPath(new URL('../test-output/screenshots', import.meta.url))
const widths = [360, 768, 1280]
const themes = ['light', 'dark'] as const

let world: World
let database: Database
let seed: Seed
let browser: Browser
let site: string
const contexts: Record<string, BrowserContext> = {}
const wrong: string[] = []

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true })
  world = await openWorld({
    apps: allApps.filter(({ name }) => name === 'web' || name === 'local-github'),
    engine: 'none',
    appEnv: { ADMIN_LOGINS: 'alice' },
  })
  site = world.stack.state.site.url
  database = openDatabase(world.stack.state.database.url, { max: 2 })
  seed = makeSeed(database.db)
  browser = await launchBrowser()
  contexts.nobody = await openContext(browser, site, { login: null })
  contexts.alice = await openContext(browser, site, { login: 'alice' })
  contexts.newcomer = await openContext(browser, site, { login: 'nora' })
  contexts.reader = await openContext(browser, site, { login: 'rita' })
  for (const context of Object.values(contexts))
    context.on('page', (page) => {
      page.on('pageerror', (error) => wrong.push(`${page.url()}: ${error}`))
      page.on('console', (message) => {
        if (message.type() === 'error' && /security policy|hydrat/i.test(message.text()))
          wrong.push(`${page.url()}: ${message.text()}`)
      })
    })
  await fill()
})
// Rights are believed for five minutes, and there is no repository to ask again about.
beforeEach(async () => void (await database.sql`update model_permissions set checked_at = now()`))
afterAll(async () => {
  await browser?.close()
  await database?.close()
  await world?.stop()
})

const readme = `# Depth sketch

Turns a photo into a line drawing. It was trained on pencil sketches.

| hardware | time |
| --- | --- |
| a laptop | 2.1 s |

\`\`\`python
print("a long line of code that has to scroll in its own box and never the page " * 2)
\`\`\`

- [ ] one
- [x] two
`

async function model(name: string, options: Parameters<Seed['model']>[0] = {}): Promise<Model> {
  const { model } = await seed.model({
    name,
    summary: `What ${name} does in one line.`,
    topics: ['drawing', 'depth'],
    ...options,
  })
  const people = await database.db.query.users.findMany()
  for (const user of people)
    if (user.login === 'alice') await seed.permission(user, model, 'admin')
    else if (user.login === 'rita') await seed.permission(user, model, 'read')
    else await seed.permission(user, model, 'none')
  return model
}

/** A model in every state that a page can show. */
async function fill(): Promise<void> {
  const sketch = await model('depth-sketch')
  await seed.publishedVersion(sketch, {
    readme,
    citation: 'cff-version: 1.2.0\ntitle: Depth sketch\nauthors:\n  - name: Alice\n',
  })
  await seed.publishedVersion(sketch, { readme, subject: 'A sharper pencil' })
  await seed.failedBuild(sketch, { step: 'build:2' })
  await seed.publishedVersion(sketch, {
    readme,
    subject: 'A line so long that it must not push anything off the page, whatever the width of the window may be',
    substitutions: [
      {
        kind: 'python',
        file: 'runway.yml',
        line: 1,
        wanted: '3.6',
        got: '3.11',
        why: 'No Python 3.6 is to be had here; 3.11 is the nearest newer one.',
      },
      {
        kind: 'package',
        file: 'requirements-for-both-targets.txt',
        line: 12,
        wanted: 'opencv-contrib-python-headless==4.1.1.26',
        got: 'python3-opencv 4.6.0+dfsg-12',
        why: 'pip could not install it; Debian’s package takes its place',
      },
    ] as never,
  })
  await seed.delivery(sketch, { decision: 'version', reason: 'Commit 4f2a91c became version 4.' })
  await seed.delivery(sketch, { decision: 'nothing', reason: 'Tags do not make versions.' })
  const running = await model('still-building')
  await seed.runningBuild(running, { lines: 400 })
  const queued = await model('just-pushed')
  await seed.queuedVersion(queued)
  const failed = await model('never-ready')
  await seed.failedBuild(failed, { step: 'build:2', lines: 300 })
  const yanked = await model('yanked-one')
  const first = await seed.publishedVersion(yanked, { readme })
  await seed.publishedVersion(yanked, { readme })
  await database.sql`update versions set yanked_at = now(), yanked_by = 'alice', yank_reason = 'It forgets its weights.' where id = ${first.id}`
  await model('empty-one')
  await model('hidden-one', { private: true })
  for (let n = 0; n < 34; n++) {
    const one = await model(`crowd-${n}`, {
      owner: n % 3 ? 'alice' : 'bob-lab',
      topics: [`topic-${n % 12}`, 'drawing'],
    })
    await seed.publishedVersion(one, { lines: 1 })
  }
}

interface View {
  name: string
  path: string
  as: 'nobody' | 'alice' | 'newcomer' | 'reader'
  status?: number
  /** The search is held up while the page is asked for, until it is given up. */
  slow?: boolean
}
const sketch = '/alice/depth-sketch'
const views: View[] = [
  { name: 'home', path: '/', as: 'nobody' },
  { name: 'home-signed-in', path: '/', as: 'alice' },
  { name: 'directory', path: '/models', as: 'nobody' },
  { name: 'directory-filtered', path: '/models?q=crowd&input=vector&target=gpu&sort=name', as: 'nobody' },
  { name: 'directory-nothing', path: '/models?q=qqzzxx&target=gpu', as: 'nobody' },
  { name: 'directory-given-up', path: '/models?q=depth&target=gpu', as: 'nobody', slow: true },
  { name: 'publisher', path: '/alice', as: 'nobody' },
  { name: 'overview', path: sketch, as: 'nobody' },
  { name: 'overview-publisher', path: sketch, as: 'alice' },
  { name: 'overview-pinned', path: `${sketch}@1`, as: 'nobody' },
  { name: 'overview-failed-version', path: `${sketch}@3`, as: 'alice' },
  { name: 'overview-building', path: '/alice/still-building', as: 'alice' },
  { name: 'overview-queued', path: '/alice/just-pushed', as: 'alice' },
  { name: 'overview-never-ready', path: '/alice/never-ready', as: 'nobody' },
  { name: 'overview-yanked', path: '/alice/yanked-one@1', as: 'nobody' },
  { name: 'overview-empty', path: '/alice/empty-one', as: 'alice' },
  { name: 'overview-private', path: '/alice/hidden-one', as: 'alice' },
  { name: 'api', path: `${sketch}/api`, as: 'nobody' },
  { name: 'license', path: `${sketch}/license`, as: 'nobody' },
  { name: 'versions', path: `${sketch}/versions`, as: 'alice' },
  { name: 'versions-failed', path: `${sketch}/versions?status=failed&branch=main`, as: 'alice' },
  { name: 'versions-none', path: `${sketch}/versions?status=failed&branch=main&before=1`, as: 'alice' },
  { name: 'versions-building', path: '/alice/still-building/versions', as: 'alice' },
  { name: 'versions-empty', path: '/alice/empty-one/versions', as: 'alice' },
  { name: 'compare', path: `${sketch}/compare/1...4`, as: 'alice' },
  { name: 'compare-failed', path: `${sketch}/compare/2...3`, as: 'alice' },
  { name: 'build-failed', path: `${sketch}@3/build`, as: 'alice' },
  { name: 'build-running', path: '/alice/still-building@1/build', as: 'alice' },
  { name: 'build-queued', path: '/alice/just-pushed@1/build', as: 'alice' },
  { name: 'build-ready', path: `${sketch}@4/build?target=gpu`, as: 'alice' },
  { name: 'deliveries', path: `${sketch}/deliveries`, as: 'alice' },
  { name: 'files', path: `${sketch}/files`, as: 'alice' },
  { name: 'files-inactive', path: '/alice/empty-one/files', as: 'alice' },
  { name: 'settings', path: `${sketch}/settings`, as: 'alice' },
  { name: 'settings-versions', path: `${sketch}/settings/versions`, as: 'alice' },
  { name: 'settings-access', path: `${sketch}/settings/access`, as: 'alice' },
  { name: 'settings-badges', path: `${sketch}/settings/badges`, as: 'alice' },
  { name: 'settings-activity', path: `${sketch}/settings/activity`, as: 'alice' },
  { name: 'settings-danger', path: `${sketch}/settings/danger`, as: 'alice' },
  { name: 'gallery', path: `${sketch}/gallery`, as: 'nobody' },
  { name: 'gallery-publisher', path: `${sketch}/gallery`, as: 'alice' },
  { name: 'cite', path: `${sketch}/cite`, as: 'nobody' },
  { name: 'source-empty', path: `${sketch}/source`, as: 'nobody' },
  { name: 'connect', path: '/admin/connect', as: 'alice' },
  { name: 'api-reference', path: '/docs/api', as: 'nobody' },
  { name: 'dashboard', path: '/dashboard', as: 'alice' },
  { name: 'dashboard-empty', path: '/dashboard', as: 'newcomer' },
  { name: 'new', path: '/new', as: 'newcomer' },
  { name: 'tokens', path: '/settings/tokens', as: 'alice' },
  { name: 'admin', path: '/admin', as: 'alice' },
  { name: 'not-found', path: '/alice/no-such-model', as: 'nobody', status: 404 },
  { name: 'private-from-outside', path: '/alice/hidden-one', as: 'nobody', status: 404 },
  { name: 'no-permission', path: '/alice/hidden-one/settings', as: 'reader', status: 403 },
]

/** Nobody else may read the directory while `work` goes on. */
const holdUpSearch = <T>(work: () => Promise<T>) =>
  database.sql.begin(async (sql) => {
    await sql`lock table model_search`
    return work()
  })

describe.each(views)('$name', ({ name, path, as, status = 200, slow = false }) => {
  it('looks right to axe in both themes, and fits every width', { timeout: 120_000 }, async () => {
    const page = await contexts[as]!.newPage()
    try {
      const visit = () => page.goto(`${site}${path}`, { waitUntil: 'load' })
      const response = await (slow ? holdUpSearch(visit) : visit())
      expect(response!.status()).toBe(status)
      const problems: string[] = []
      for (const theme of themes) {
        await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
        for (const width of widths) {
          await page.setViewportSize({ width, height: 900 })
          await page.screenshot({ path: join(screenshots, `${name}-${width}-${theme}.png`), fullPage: true })
          // Colours depend on the theme, what is shown on the width: the middle one adds nothing.
          if (width !== 768 && !(width === 360 && theme === 'dark'))
            problems.push(...(await accessibilityProblems(page)).map((each) => `${theme} ${width}: ${each}`))
        }
      }
      await page.setViewportSize({ width: 320, height: 800 })
      const { wide, title, h1 } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        title: document.title,
        h1: document.querySelectorAll('h1').length,
      }))
      expect(problems).toEqual([])
      expect(wide, 'pixels of sideways scrolling at 320').toBeLessThanOrEqual(0)
      expect(h1, 'one heading of the first order').toBe(1)
      expect(title).not.toBe('')
    } finally {
      await page.close()
    }
  })
})

it('no page broke its own policy or threw', () => {
  expect(wrong).toEqual([])
})

describe('without JavaScript', () => {
  it('the public pages say what they say with it', async () => {
    const plain = await openContext(browser, site, { login: null, javaScriptEnabled: false })
    const page = await plain.newPage()
    const sees = async (path: string, ...words: string[]) => {
      await page.goto(`${site}${path}`)
      const text = await page.locator('body').textContent()
      for (const word of words) expect(text, path).toContain(word)
    }
    await sees('/', 'Modelport')
    await sees('/models?q=depth', 'depth-sketch')
    await sees(sketch, 'Depth sketch', 'docker run', 'pencil sketches')
    await sees(`${sketch}@1/api`, 'generate', 'truncation')
    await sees(`${sketch}/license`, 'MIT')
    // The search is a form, and a page further is a link.
    await page.goto(`${site}/models`)
    await page.getByRole('searchbox').first().fill('sketch')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=sketch/)
    await page.goto(`${site}/models`)
    await page.getByRole('link', { name: /next/i }).click()
    await page.waitForURL(/cursor=/)
    await plain.close()
  })
})

describe('by keyboard alone', () => {
  /** Presses Tab until what has the focus is named so; its outline must be seen. */
  async function tabTo(page: Page, name: RegExp, most = 120): Promise<void> {
    for (let n = 0; n < most; n++) {
      await page.keyboard.press('Tab')
      const found = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null
        const style = element ? getComputedStyle(element) : null
        const label = element?.getAttribute('aria-label') ?? ''
        return {
          text: `${label} ${element?.textContent ?? ''} ${(element as HTMLInputElement | null)?.name ?? ''}`,
          seen: style ? style.outlineStyle !== 'none' || style.boxShadow !== 'none' : false,
        }
      })
      if (!name.test(found.text)) continue
      expect(found.seen, `${name} shows that it has the focus`).toBe(true)
      return
    }
    throw new Error(`Tab did not lead to ${name} on ${page.url()}`)
  }

  it('a model is found and a pinned version of it opened', async () => {
    const page = await contexts.nobody!.newPage()
    await page.goto(`${site}/`)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => location.hash), 'the first stop skips to the content').toBe('#main')
    await page.goto(`${site}/`)
    await tabTo(page, /search models/i)
    await page.keyboard.type('depth-sketch')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/models\?q=depth-sketch|\/alice\/depth-sketch$/)
    if (page.url().includes('/models?')) {
      await tabTo(page, /depth-sketch/)
      await page.keyboard.press('Enter')
    }
    await page.waitForURL(/\/alice\/depth-sketch$/)
    await tabTo(page, /version 4/i)
    await page.keyboard.press('Enter')
    await until(
      () => page.evaluate(() => document.activeElement?.getAttribute('aria-label')?.startsWith('Filter versions')),
      10_000,
      'the list of versions to take the keys',
    )
    await page.keyboard.type('version 1')
    await page.keyboard.press('Enter')
    await page.waitForURL(/depth-sketch@1$/)
    await page.close()
  })

  it('a log is read and a version made the default', async () => {
    const page = await contexts.alice!.newPage()
    await page.goto(`${site}${sketch}/versions`)
    await tabTo(page, /^\s*actions/i, 200)
    await page.keyboard.press('Enter')
    // The newest version is the default already; pinning keeps it so.
    await tabTo(page, /pin as default/i, 20)
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    await tabTo(page, /^\s*pin\s*$/i, 5)
    await page.keyboard.press('Enter')
    await until(
      async () => (await world.get<{ defaultPolicy: string }>('/models/alice/depth-sketch')).defaultPolicy === 'pinned',
      20_000,
      'the default to be pinned',
    )
    // A choice can be taken back for a while.
    await page.goto(`${site}${sketch}/versions`)
    await tabTo(page, /undo: follow the latest/i, 300)
    await page.keyboard.press('Enter')
    await until(
      async () => (await world.get<{ defaultPolicy: string }>('/models/alice/depth-sketch')).defaultPolicy === 'latest',
      20_000,
      'the default to follow again',
    )
    await page.goto(`${site}${sketch}@3/build`)
    await page.getByRole('region', { name: /^log/i }).focus()
    await page.keyboard.press('e')
    await until(
      async () => ((await page.locator('body').textContent()) ?? '').includes('No matching distribution'),
      10_000,
      'the error',
    )
    await page.close()
  })
})
