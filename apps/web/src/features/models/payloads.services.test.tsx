import { launchBrowser } from '@modelport/test/browser.ts'
import { activeParts, readPayloads } from '@modelport/test/hostile.ts'
import type { Browser } from 'playwright-core'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Readme } from '#src/features/models/readme.tsx'

// Lists of attacks that lie on this machine (PAYLOADS=folder), each as a README of its own, in a real browser and without
// the policy that stands behind the sanitiser on the site.

const place = { repositoryUrl: 'http://github.test/alice/model', commit: 'c0ffee', remoteImage: () => '/here.webp' }
const batchSize = 200
/** Functions that payloads like to call say so. */
const alarms = `<script>for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => hacked()</script>`

it('disarms every payload of the lists on this machine', { timeout: 1_800_000 }, async () => {
  const folder = process.env.PAYLOADS
  if (!folder) {
    console.log('no lists of payloads on this machine; PAYLOADS=folder names some')
    return
  }
  const payloads = readPayloads(folder)
  const browser = await launchBrowser()
  const bad: string[] = []
  let asText = 0
  try {
    for (let from = 0; from < payloads.length; from += batchSize) {
      const batch = payloads.slice(from, from + batchSize)
      const parts: string[] = []
      for (const { text } of batch) {
        const part = renderToStaticMarkup(await Readme({ text, place }))
        if (part.startsWith('<pre')) asText++
        parts.push(part)
      }
      const { found, seen } = await show(browser, parts)
      for (const [i, what] of found.entries())
        if (what.length > 0) bad.push(`${batch[i]!.file}: ${JSON.stringify(batch[i]!.text.slice(0, 200))} -> ${what}`)
      if (seen.length > 0) bad.push(`one of ${from} to ${from + batch.length}: ${seen}`)
    }
  } finally {
    await browser.close()
  }
  const files = new Map<string, number>()
  for (const { file } of payloads) files.set(file, (files.get(file) ?? 0) + 1)
  console.log(
    `payloads: ${payloads.length} from ${files.size} files, ${asText} of them shown as plain text; ${bad.length} found active`,
  )
  for (const [file, count] of files) console.log(`  ${count} ${file}`)
  expect(bad).toEqual([])
})

/** Puts READMEs into a document without a policy; what could act in each, and what did. */
async function show(browser: Browser, parts: string[]): Promise<{ found: string[][]; seen: string[] }> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const seen: string[] = []
  await page.exposeFunction('hacked', () => seen.push('a script ran'))
  page.on('dialog', (dialog) => {
    seen.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.route('**/*', (route) => {
    const { host, pathname } = new URL(route.request().url())
    if (host === 'readmes.test' && pathname === '/') {
      const body = parts.map((part, i) => `<main data-n="${i}">${part}</main>`).join('\n')
      return route.fulfill({
        contentType: 'text/html; charset=utf-8',
        body: `<!doctype html>${alarms}${body}`,
      })
    }
    if (host !== 'github.test' && host !== 'readmes.test') seen.push(`request to ${host}`)
    return route.abort()
  })
  await page.goto('http://readmes.test/')
  await page.waitForTimeout(100)
  const found: string[][] = []
  for (const i of parts.keys()) found.push(await page.evaluate(activeParts, `main[data-n="${i}"]`))
  await context.close()
  return { found, seen }
}
