/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { openDatabase } from '@modelport/db/client'
import { makeSeed, type Seed } from '@modelport/db/seed'
import { allApps } from '@modelport/infra/local/apps'
import { type Stack, startStack } from '@modelport/infra/local/supervisor'
import { temporaryHome } from '@modelport/infra/local/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { activeParts, readPayloads } from './hostile.ts'

// What strangers write is shown by the real site in a real browser: in a README, in every other text of a model, and in
// lists of attacks that lie on this machine (PAYLOADS=folder; all of them in `payloads.services.test.tsx`).

const marks = [
  '<script>hacked(1)</script>',
  '<img src=x onerror=hacked(1)>',
  '"><svg/onload=hacked(1)><b x="',
  '</title></textarea></style></script><script>hacked(1)</script>',
  '\u2028<!--<script>hacked(1)//-->\u2029{{constructor.constructor("hacked(1)")()}}',
  '<iframe src="javascript:parent.hacked(1)"></iframe>',
  '<math><mtext><table><mglyph><style><img src=x onerror=hacked(1)>',
  '<a href="javascript:hacked(1)" style="position:fixed;inset:0">x</a>',
]

let stack: Stack
let home: ReturnType<typeof temporaryHome>
let database: ReturnType<typeof openDatabase>
let seed: Seed
let browser: Browser
let site: string
beforeAll(async () => {
  home = temporaryHome()
  stack = await startStack({
    home: home.path,
    ports: 'free',
    apps: allApps.filter((app) => app.name === 'web'),
    engine: 'none',
    imageRegistry: 'none',
    postgresSettings: { fsync: 'off' },
  })
  site = stack.state.site.url
  database = openDatabase(stack.state.database.url, { max: 4, name: 'test' })
  seed = makeSeed(database.db)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await database?.close()
  await stack?.stop()
  home?.remove()
})

interface Visit {
  status: number
  /** What went wrong: a script that ran, a dialog, a request to elsewhere, something active in the document. */
  found: string[]
}

/** A tab in which a script that runs, or a request that leaves, is noticed. */
async function openTab(): Promise<{ page: Page; visit: (path: string) => Promise<Visit>; close: () => Promise<void> }> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const noticed: string[] = []
  await page.exposeFunction('hacked', () => noticed.push('a script ran'))
  page.on('dialog', (dialog) => {
    noticed.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('popup', () => noticed.push('a window opened'))
  await page.route('**/*', (route) => {
    const url = route.request().url()
    if (url.startsWith(`${site}/`) || url.startsWith('data:')) return route.continue()
    // Pictures of the repository come from GitHub; its stand-in does not run here.
    if (!url.startsWith(`${stack.state.localGithub.url}/`)) noticed.push(`request to ${url.slice(0, 100)}`)
    return route.abort()
  })
  return {
    page,
    close: () => context.close(),
    async visit(path) {
      noticed.length = 0
      const response = await page.goto(`${site}${path}`)
      // Long enough for handlers of what failed to load.
      await page.waitForTimeout(50)
      const active = await page.evaluate(activeParts, 'main')
      if (new URL(page.url()).origin !== site) noticed.push(`went to ${page.url()}`)
      return { status: response?.status() ?? 0, found: [...noticed, ...active] }
    },
  }
}

const manifestOf = (text: string) => ({
  options: [{ name: text, type: 'category', description: text, oneOf: [text], default: text }],
  commands: [
    {
      name: text,
      description: text,
      inputs: [{ name: text, type: text, description: text, default: `data:text/html,${text}` }],
      outputs: [{ name: text, type: 'image', description: text }],
    },
  ],
})

async function everywhere(text: string, name: string) {
  const { model } = await seed.model({ name, summary: text, topics: [text] })
  const yaml = JSON.stringify(text)
  await seed.publishedVersion(model, {
    subject: text,
    readme: `---\ntitle: ${yaml}\nsummary: ${yaml}\nlicense: ${yaml}\ntags: [${yaml}]\nauthors: [${yaml}]\nlayout: ../../etc\n---\n# ${text}\n\n${text}\n\n[a](${text}) ![b](${text}) \`${text}\`\n\n    ${text}\n`,
    citation: `title: ${yaml}\nauthors: [{name: ${yaml}}]\nabstract: ${yaml}\n`,
    licence: { spdx: null, file: 'LICENSE', text },
    manifest: manifestOf(text),
    metadata: { title: text },
    files: [
      { path: 'a.py', text },
      { path: `${text.replaceAll(/[/\0]/g, '_').slice(0, 100)}.md`, text },
    ],
  })
  return `/alice/${name}`
}

it('notices what is active', async () => {
  const { page, close } = await openTab()
  await page.goto(`${site}/healthz`)
  await page.setContent(
    '<main><div class="prose" style="top:0"><a href="java\tscript:x" onclick="x" id="main">x</a><form></form><svg></svg></div></main>',
  )
  const found = await page.evaluate(activeParts, 'main')
  for (const part of ['A onclick', 'A href=java', 'A id=main', 'DIV style', 'FORM', 'svg'])
    expect(
      found.some((one) => one.startsWith(part)),
      part,
    ).toBe(true)
  await close()
})

describe('hostile text', () => {
  it.each(marks.map((text, i) => [text, `t67-${i}`]))(
    'in every field of a model is text on every page (T67, T75): %s',
    async (text, name) => {
      const path = await everywhere(text, name)
      const tab = await openTab()
      for (const page of ['', '/api', '/license', '/source', '/source/a.py', '@1', '@1/cite.bib'].filter(
        (one) => !one.endsWith('.bib'),
      )) {
        const { status, found } = await tab.visit(path + page)
        expect(found, page).toEqual([])
        expect(status, page).toBe(200)
        // The page's own scripts run: nothing that was written broke them.
        await tab.page.waitForFunction(() => document.querySelector('input[role=combobox]') !== null)
      }
      expect((await tab.visit(`/models?q=${encodeURIComponent(text.slice(0, 60))}`)).found).toEqual([])
      await tab.close()
      // What other programs read.
      for (const file of ['/feed.atom', '/cite.bib', '/badge/license.svg', '/opengraph-image']) {
        const answer = await fetch(site + path + file)
        expect(answer.status, file).toBe(200)
        expect(answer.headers.get('x-content-type-options'), file).toBe('nosniff')
        if (file.endsWith('.atom') || file.endsWith('.svg'))
          expect(await answer.text(), file).not.toMatch(/<script|<img|<svg\/on/)
      }
    },
  )

  it('as front matter is bounded, and never more than words (T68)', async () => {
    const bombs = [
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [*${'abcdefghi'[i]},*${'abcdefghi'[i]},*${'abcdefghi'[i]},*${'abcdefghi'[i]}]`).join('\n')}`,
      `title: ${'['.repeat(20_000)}`,
      `title: ${'x'.repeat(200_000)}`,
      'title: !!js/function "function(){hacked(1)}"',
      '__proto__: {title: polluted}\nconstructor: {prototype: {title: polluted}}',
      'title: "<script>hacked(1)</script>"\nlicense_link: "javascript:hacked(1)"\npaper: "javascript:hacked(1)"\nauthors: [{name: x, url: "javascript:hacked(1)"}]',
    ]
    const tab = await openTab()
    for (const [i, yaml] of bombs.entries()) {
      const { model } = await seed.model({ name: `t68-${i}` })
      await seed.publishedVersion(model, { readme: `---\n${yaml}\n---\n# Card\n` })
      const began = Date.now()
      expect(await tab.visit(`/alice/t68-${i}`)).toEqual({ status: 200, found: [] })
      expect(Date.now() - began).toBeLessThan(8000)
      expect(await tab.page.textContent('h1')).not.toContain('polluted')
    }
    await tab.close()
  })

  it('as a link leads where it says, is marked as a stranger’s, or leads nowhere (T69)', async () => {
    const links = [
      'javascript:hacked(1)',
      'JaVaScRiPt:hacked(1)',
      'java&#x09;script:hacked(1)',
      '&#106;avascript:hacked(1)',
      'javascript&colon;hacked(1)',
      'data:text/html,<script>hacked(1)</script>',
      'vbscript:hacked(1)',
      '//canary.example/x',
      '\\\\canary.example\\x',
      '/\\canary.example',
      'blob:x',
      'filesystem:x',
      '../../settings',
      'https:canary.example',
      'http://127.0.0.1@canary.example/',
      'https://аррӏе.com/',
    ]
    const { model } = await seed.model({ name: 't69' })
    await seed.publishedVersion(model, {
      readme: links.map((link) => `[x](<${link}>) <a href="${link}">y</a> <img src="${link}">`).join('\n\n'),
    })
    const tab = await openTab()
    expect(await tab.visit('/alice/t69')).toEqual({ status: 200, found: [] })
    const hrefs = await tab.page.$$eval('.prose a[href]', (all) => all.map((a) => (a as HTMLAnchorElement).href))
    expect(hrefs.length).toBeGreaterThan(10)
    // None is a page of this site: a relative one is a file of the repository.
    for (const href of hrefs) expect(href).not.toMatch(new RegExp(`^${site}/(?!alice/t69#)`))
    for (const a of await tab.page.$$('.prose a[href]')) {
      if (!(await a.isVisible())) continue
      await a.click({ modifiers: [], noWaitAfter: true }).catch(() => undefined)
      if (tab.page.url() !== `${site}/alice/t69`) await tab.page.goto(`${site}/alice/t69`)
      break
    }
    await tab.close()
  })

  it('looks like a README and not like the site, and shadows nothing of the page (T70, T72)', async () => {
    const names = [
      'createElement',
      'getElementById',
      'body',
      'cookie',
      '__NEXT_DATA__',
      '_R_',
      '__next_f',
      'main',
      'querySelector',
      'forms',
      'location',
      'document',
      'self',
    ]
    const { model } = await seed.model({ name: 't70' })
    await seed.publishedVersion(model, {
      readme: `<div class="fixed inset-0 z-50 button-danger" id="main" style="position:fixed;inset:0;background:red">Sign in again</div>
<form action="https://canary.example/"><input name="password" type="password"><button>Sign in</button></form>
<div role="dialog" aria-modal="true">Your session has ended</div>
${names.map((name) => `<a id="${name}" name="${name}" href="x">a</a><img name="${name}" id="${name}"><form name="${name}" id="${name}"></form>`).join('\n')}

# \u202eevil\u2066 heading`,
    })
    const tab = await openTab()
    expect(await tab.visit('/alice/t70')).toEqual({ status: 200, found: [] })
    expect(
      await tab.page.$$eval('.prose [role]', (all) =>
        all.map((one) => one.getAttribute('role')).filter((role) => role !== 'region'),
      ),
    ).toEqual([])
    // The page's scripts still find what they look for.
    await tab.page.keyboard.press('?')
    await tab.page.waitForSelector('dialog[open]')
    await tab.page.keyboard.press('Escape')
    await tab.page.click('button[title^="Theme"]')
    await tab.page.waitForFunction(() => document.documentElement.dataset.theme === 'light')
    await tab.close()
  })

  it('as a picture asks nobody but the repository’s host (T71)', async () => {
    const { model } = await seed.model({ name: 't71' })
    await seed.publishedVersion(model, {
      readme: `![t](https://canary.example/pixel.gif)\n<img src="//canary.example/a.png" srcset="https://canary.example/2x.png 2x">\n<picture><source srcset="https://canary.example/s.png"><img src="http://10.0.0.1/b.png"></picture>\n<video poster="https://canary.example/v.png"></video><input type="image" src="https://canary.example/i.png"><table background="https://canary.example/bg.png"><tr><td>x</td></tr></table><svg><image href="https://canary.example/x.svg"/></svg>\n\n![own](a.png)\n`,
    })
    const tab = await openTab()
    expect(await tab.visit('/alice/t71')).toEqual({ status: 200, found: [] })
    const shownFrom = await tab.page.$$eval('.prose img', (all) => all.map((img) => (img as HTMLImageElement).src))
    // What is elsewhere is fetched by the site, if at all; what is inside, by nobody.
    for (const src of shownFrom)
      expect(src.startsWith(`${site}/remote-image/`) || src.startsWith(stack.state.localGithub.url)).toBe(true)
    for (const src of shownFrom.filter((one) => one.startsWith(site))) expect((await fetch(src)).status).toBe(404)
    const forged = shownFrom.find((one) => one.startsWith(site))!.replace(/image\/[0-9a-f]{4}/, 'image/0000')
    expect((await fetch(forged)).status).toBe(404)
    await tab.close()
  })

  it('that costs much is shown as plain text, and keeps nobody else waiting (T73)', async () => {
    const costly = [
      `${'> '.repeat(1000)}x`,
      `${'- '.repeat(1000)}x`,
      '[a](b) '.repeat(10_000),
      `${'|a'.repeat(20)}|\n${'|-'.repeat(20)}|\n${`${'|b'.repeat(20)}|\n`.repeat(2000)}`,
      '*_'.repeat(120_000),
      '<b>'.repeat(80_000),
      `${'['.repeat(60_000)}${']'.repeat(60_000)}`,
      '<!--'.repeat(60_000),
      '`'.repeat(200_000),
      '&lt;'.repeat(60_000),
    ]
    for (const [i, readme] of costly.entries()) {
      const { model } = await seed.model({ name: `t73-${i}` })
      await seed.publishedVersion(model, { readme })
    }
    const took = async (path: string) => {
      const began = Date.now()
      const answer = await fetch(site + path)
      await answer.text()
      expect(answer.status).toBe(200)
      return Date.now() - began
    }
    await took('/models')
    const slow = Promise.all(costly.map((_, i) => took(`/alice/t73-${i}`)))
    const others: number[] = []
    for (let i = 0; i < 10; i++) others.push(await took('/models'))
    const times = await slow
    console.log(
      `costly READMEs: slowest ${Math.max(...times)} ms; another page meanwhile: slowest ${Math.max(...others)} ms`,
    )
    // They wait for each other, each for two seconds at most.
    expect(Math.max(...times)).toBeLessThan(60_000)
    expect(Math.max(...others)).toBeLessThan(8000)
  })

  it('has a policy behind it on every answer, with another nonce each time (T74)', async () => {
    const { model } = await seed.model({ name: 't74' })
    await seed.publishedVersion(model)
    const nonces = new Set<string>()
    const pages = [
      '/',
      '/models',
      '/alice',
      '/alice/t74',
      '/alice/t74/api',
      '/alice/t74/source',
      '/docs/api',
      '/nothing/here',
      '/alice/t74/feed.atom',
      '/login',
    ]
    for (const path of pages) {
      const { headers } = await fetch(site + path, { redirect: 'manual' })
      const policy = headers.get('content-security-policy') ?? ''
      for (const part of ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"])
        expect(policy, path).toContain(part)
      expect(policy, path).not.toMatch(/unsafe-(inline|eval)/)
      expect(headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin')
      expect(headers.get('referrer-policy'), path).toBe('strict-origin-when-cross-origin')
      nonces.add(/'nonce-([^']+)'/.exec(policy)![1]!)
    }
    expect(nonces.size).toBe(pages.length)
    for (const path of ['/api/v1/models', '/api/v1/nothing', '/healthz', '/readyz', '/models/suggest?q=t']) {
      const { headers } = await fetch(site + path)
      expect(headers.get('content-security-policy'), path).toBe("default-src 'none'; sandbox; frame-ancestors 'none'")
      expect(headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin')
      expect(headers.get('referrer-policy'), path).toBe('strict-origin-when-cross-origin')
    }
    expect((await fetch(`${site}/alice/t74/opengraph-image`)).headers.get('content-security-policy')).toBe(
      "default-src 'none'; sandbox; frame-ancestors 'none'",
    )
  })
})

describe('lists of payloads', () => {
  const folder = process.env.PAYLOADS
  it('are disarmed on whole pages, a hundred of them', { timeout: 1_200_000 }, async () => {
    if (!folder) {
      console.log('no lists of payloads on this machine; PAYLOADS=folder names some')
      return
    }
    const all = readPayloads(folder)
    const every = Math.max(1, Math.floor(all.length / 100))
    const chosen = all.filter((_, i) => i % every === 0)
    const { model } = await seed.model({ name: 'payloads' })
    const version = await seed.publishedVersion(model)
    const tab = await openTab()
    const bad: { payload: string; found: string[] }[] = []
    for (const { text } of chosen) {
      await database.sql`update versions set readme = ${text.replaceAll('\0', '')} where id = ${version.id}`
      const { status, found } = await tab.visit('/alice/payloads')
      if (status !== 200 || found.length > 0) bad.push({ payload: text, found: [`status ${status}`, ...found] })
    }
    await tab.close()
    console.log(`payloads: ${chosen.length} of ${all.length} as whole pages; ${bad.length} found active`)
    expect(bad).toEqual([])
  })
})
