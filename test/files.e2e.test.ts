/// <reference lib="dom" />
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, FileChooser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type FilesWorld,
  openFilesWorld,
  sha256OfFile,
  untilUpload,
  uploadRows,
  watchMemory,
  writeLargeFile,
} from './files-world.ts'
import { until } from './world.ts'

const MiB = 2 ** 20
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let files: FilesWorld
let folder: string
let context: BrowserContext
let page: Page
const errors: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelport-upload-'))
  // Slow enough that a cut or a reload meets an upload that is under way.
  files = await openFilesWorld({
    bytesPerSecond: 24 * MiB,
    // Four parts of 16 MiB are on their way at once: what a cut loses is at most these.
    cutAt: [80, 160, 240, 320].map((mib) => mib * MiB),
    deadMs: 800,
  })
  context = await files.openBrowser()
  page = await openPage(context)
})
afterAll(async () => {
  await files?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function openPage(from: BrowserContext): Promise<Page> {
  const opened = await from.newPage()
  opened.on('pageerror', (error) => errors.push(String(error)))
  opened.on('console', (message) => {
    // A link that is cut says so in the console; what the policy refused is a mistake of ours.
    if (message.type() === 'error' && /security policy/i.test(message.text())) errors.push(message.text())
  })
  opened.on('dialog', (dialog) => dialog.accept())
  return opened
}

interface FileList {
  items: { id: string; name: string; sha256: string; size: number; choice: string | null; placeUrl: string }[]
}
const filesOf = async (path: string) => (await files.world.get<FileList>(`${path}/files`)).items

/** The hidden field behind the button of a place. */
const zone = (at: Page, name: string) =>
  at.locator('li.card', { has: at.getByRole('heading', { name, exact: true }) }).locator('input[type=file]')

async function violations(at: Page): Promise<string[]> {
  await at.evaluate(axe)
  const found = await at.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe is put into the page as a script
    const result = await (globalThis as any).axe.run(document, { resultTypes: ['violations'] })
    return result.violations.map(
      // biome-ignore lint/suspicious/noExplicitAny: as above
      (violation: any) => `${violation.id}: ${violation.nodes.map((node: any) => node.target.join(' ')).join(', ')}`,
    )
  })
  return found as string[]
}

async function checkBothThemes(at: Page, state: string): Promise<void> {
  for (const theme of ['light', 'dark']) {
    await at.evaluate((name) => document.documentElement.setAttribute('data-theme', name), theme)
    expect(await violations(at), `${state}, ${theme}`).toEqual([])
  }
  const size = at.viewportSize()!
  await at.setViewportSize({ width: 320, height: 800 })
  const wide = await at.evaluate(() => document.documentElement.scrollWidth)
  await at.setViewportSize(size)
  expect(wide, `${state}: nothing scrolls sideways at 320 px`).toBeLessThanOrEqual(320)
}

describe('a checkpoint', () => {
  it('arrives over a link that is cut, goes on after a reload and in another browser, and is stored once', async () => {
    const file = join(folder, 'night.pth')
    const sha256 = writeLargeFile(file, 250 * MiB)
    const { path, url } = await files.model('reload')
    await page.goto(`${url}/files`)
    const memory = watchMemory(files.world.stack.state.processes.web!)
    const before = memory.now()
    await zone(page, 'night').setInputFiles(file)
    await untilUpload(page, 'uploading')
    await until(async () => files.link.cuts() >= 2, 60_000, 'two cuts')
    await page.reload()
    const interrupted = await untilUpload(page, 'interrupted')
    expect(interrupted).toMatch(/Interrupted at \d+ %: choose the same file to continue/)
    await checkBothThemes(page, 'interrupted')
    // Another file is refused, by name and by content.
    const other = join(folder, 'other.pth')
    writeFileSync(other, 'something else')
    await page.locator('li[data-upload=interrupted] input[type=file]').setInputFiles(other)
    await page.getByText('This is not the same file').waitFor()
    await page.locator('li[data-upload=interrupted] input[type=file]').setInputFiles(file)
    await untilUpload(page, 'uploading')
    await until(async () => files.link.cuts() >= 3, 60_000, 'a third cut')
    await context.close()
    // The browser was closed; another day, in another one.
    context = await files.openBrowser()
    page = await openPage(context)
    await page.goto(`${url}/files`)
    await untilUpload(page, 'interrupted')
    const sentBefore = files.link.sent()
    const cutsBefore = files.link.cuts()
    const [upload] = (await files.world.get<{ items: { id: string }[] }>(`${path}/files/uploads`)).items
    const { missing } = await files.world.get<{ missing: number[] }>(`${path}/files/uploads/${upload!.id}`)
    expect(missing.length).toBeLessThan(16)
    await page.locator('li[data-upload=interrupted] input[type=file]').setInputFiles(file)
    await untilUpload(page, 'complete')
    // Only missing parts went, and what a cut cost.
    const cost = (files.link.cuts() - cutsBefore) * 64 * MiB
    expect(files.link.sent() - sentBefore).toBeLessThan(missing.length * 16 * MiB + cost + MiB)
    const [stored] = await filesOf(path)
    expect(stored).toMatchObject({ name: 'night.pth', sha256, size: 250 * MiB, choice: 'night' })
    await page.getByRole('link', { name: 'night.pth' }).first().waitFor()
    console.log(`the site's memory grew by ${Math.round((memory.peak() - before) / MiB)} MiB at most`)
    expect(memory.peak() - before).toBeLessThan(50 * MiB)
    await checkBothThemes(page, 'complete')

    const twice = await files.model('twice')
    await page.goto(`${twice.url}/files`)
    const copy = join(folder, 'day.pth')
    writeFileSync(copy, readFileSync(file))
    await zone(page, 'day').setInputFiles(copy)
    await untilUpload(page, 'complete')
    expect((await filesOf(twice.path))[0]).toMatchObject({ name: 'day.pth', sha256 })
    const blobs = await files.database.db.query.blobs.findMany()
    expect(blobs.filter((blob) => blob.sha256 === sha256)).toHaveLength(1)

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download day.pth' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('day.pth')
    expect(await sha256OfFile(await download.path())).toBe(sha256)
    expect(errors).toEqual([])
  })

  it('is uploaded with the keyboard alone', async () => {
    const file = join(folder, 'model.safetensors')
    writeLargeFile(file, 3 * MiB, 'keyboard')
    const { path, url } = await files.model('keyboard')
    await page.goto(`${url}/files`)
    const focused = () =>
      page.evaluate(
        () =>
          document.activeElement?.closest('button, summary, a, input, textarea')?.textContent?.replace(/\s+/g, ' ') ??
          '',
      )
    for (let presses = 0; !/Choose a file for weights/.test(await focused()); presses++) {
      expect(presses).toBeLessThan(80)
      await page.keyboard.press('Tab')
    }
    let opened: FileChooser | undefined
    page.once('filechooser', (one) => {
      opened = one
    })
    // A key that comes before the page's script is there does nothing; a person presses again.
    const chooser = await until(
      async () => {
        if (!opened) await page.keyboard.press('Enter')
        await page.waitForTimeout(500)
        return opened
      },
      60_000,
      'the choice of a file',
    )
    await chooser.setFiles(file)
    const said = page.locator('p[role=status]', { hasText: 'model.safetensors is uploaded and verified.' })
    await said.waitFor({ state: 'attached', timeout: 60_000 })
    expect((await filesOf(path)).map((item) => item.name)).toEqual(['model.safetensors'])
    // On to the card: describe it, and remove it, all from the keyboard.
    for (let presses = 0; !/Rename or describe/.test(await focused()); presses++) {
      expect(presses).toBeLessThan(80)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Trained on photographs')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('Trained on photographs').first().waitFor()
    for (let presses = 0; !/^Remove/.test(await focused()); presses++) {
      expect(presses).toBeLessThan(20)
      await page.keyboard.press('Shift+Tab')
    }
    await page.keyboard.press('Enter')
    expect(await focused()).toBe('Cancel')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await until(async () => (await filesOf(path)).length === 0, 10_000, 'the file to go')
    await page.getByText('No file for weights yet.').waitFor()
  })

  it('is refused before the first byte when it does not fit, paused, cancelled, and dropped', async () => {
    const { path, url } = await files.model('states')
    await page.goto(`${url}/files`)
    await checkBothThemes(page, 'empty')
    const wrong = join(folder, 'wrong.pth')
    writeFileSync(wrong, 'x')
    const sent = files.link.sent()
    await zone(page, 'weights').setInputFiles(wrong)
    expect(await untilUpload(page, 'failed')).toContain('takes files whose name ends with .safetensors')
    expect(files.link.sent()).toBe(sent)
    await checkBothThemes(page, 'failed')
    await page.getByRole('button', { name: 'Dismiss wrong.pth' }).click()

    const large = join(folder, 'large.pth')
    const sha256 = writeLargeFile(large, 100 * MiB, 'pause')
    await zone(page, 'day').setInputFiles(large)
    await untilUpload(page, 'uploading')
    await checkBothThemes(page, 'uploading')
    await page.getByRole('button', { name: 'Pause large.pth' }).click()
    await untilUpload(page, 'paused')
    // What was in the machine's own buffers still goes.
    await page.waitForTimeout(1500)
    const paused = files.link.sent()
    await page.waitForTimeout(1500)
    expect(files.link.sent() - paused).toBeLessThan(2 * MiB)
    // A link of the site leads away and back; the row is still there.
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('heading', { name: 'Use this model' }).waitFor()
    await page.getByRole('link', { name: /^Files(?! of)/ }).click()
    await untilUpload(page, 'paused')
    await page.getByRole('button', { name: 'Resume large.pth' }).click()
    await untilUpload(page, 'complete')
    expect((await filesOf(path)).find((item) => item.choice === 'day')?.sha256).toBe(sha256)

    const dropped = await page.evaluateHandle(() => {
      const data = new DataTransfer()
      data.items.add(new File(["cos\nsystem\n(S'echo hi'\ntR."], 'free.pkl', { lastModified: 1 }))
      return data
    })
    await page
      .locator('section', { has: page.locator('#free') })
      .locator('.drop-zone')
      .dispatchEvent('drop', { dataTransfer: dropped })
    await until(async () => (await filesOf(path)).some((item) => item.name === 'free.pkl'), 30_000, 'the dropped file')
    await page.getByText('A pickle: loading it runs code').waitFor()
    await page.getByText('It would import 1 name').click()
    await page.getByText('os.system').waitFor()

    const gone = join(folder, 'gone.pth')
    writeLargeFile(gone, 60 * MiB, 'gone')
    await zone(page, 'night').setInputFiles(gone)
    await untilUpload(page, 'uploading')
    await page.getByRole('button', { name: 'Cancel gone.pth' }).click()
    expect((await uploadRows(page)).some((row) => row.state === 'cancelled')).toBe(true)
    const open = async () =>
      (await files.world.get<{ items: { status: string }[] }>(`${path}/files/uploads`)).items.filter(
        (upload) => upload.status === 'uploading',
      )
    await until(async () => (await open()).length === 0, 10_000, 'the upload to end on the server')
  })
})

describe('the Files page', () => {
  it('waits for an option that takes files, and says which', async () => {
    const { url } = await files.model('inactive', { places: false })
    await page.goto(`${url}/files`)
    await page.getByRole('heading', { name: 'Checkpoints appear here once the model asks for them' }).waitFor()
    expect(await page.locator('input[type=file]').count()).toBe(0)
    await checkBothThemes(page, 'not active')
  })

  it('is the same 404 as nothing for visitors until it is opened to them; they then read it without JavaScript', async () => {
    const { path, url } = await files.model('visitors')
    const file = join(folder, 'shown.pth')
    const sha256 = writeLargeFile(file, MiB, 'shown')
    await page.goto(`${url}/files`)
    await zone(page, 'night').setInputFiles(file)
    await untilUpload(page, 'complete')
    const visitor = await files.openBrowser({ login: null, javaScriptEnabled: false })
    const theirs = await visitor.newPage()
    expect((await theirs.goto(`${url}/files`))?.status()).toBe(404)
    expect((await fetch(`${files.world.stack.state.site.url}/hash/${sha256}`)).status).toBe(404)
    await theirs.goto(url)
    expect(await theirs.getByRole('link', { name: /^Files(?! of)/ }).count()).toBe(0)
    expect((await files.world.call('PATCH', path, { viewersSeeFiles: true })).status).toBe(200)
    await theirs.goto(`${files.world.stack.state.site.url}/hash/${sha256}`)
    const shown = new URL(theirs.url())
    expect(shown.pathname).toBe('/alice/visitors/files')
    expect(await theirs.locator(shown.hash).textContent()).toContain(sha256.slice(0, 12))
    expect(await theirs.locator('main').textContent()).toContain('shown.pth')
    expect(await theirs.getByRole('button', { name: /Remove|Choose/ }).count()).toBe(0)
    const href = await theirs.getByRole('link', { name: 'shown.pth', exact: true }).getAttribute('href')
    const range = await fetch(new URL(href!, url), { headers: { range: 'bytes=10-19' } })
    expect([range.status, (await range.arrayBuffer()).byteLength]).toEqual([206, 10])
    expect(range.headers.get('content-disposition')).toBe('attachment; filename="shown.pth"')
    await visitor.close()
    expect(errors).toEqual([])
  })
})
