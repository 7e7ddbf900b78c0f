import { copyFileSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openFilesWorld, untilUpload, watchMemory, writeLargeFile } from '../files-world.ts'
import { until } from '../world.ts'
import { machineFacts } from './measure.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30

/**
 * Sends one large file through the browser over a link that is cut again and again, with a reload in the middle, and then
 * the same bytes once more for another model. Says how long it took, what the site's process needed, and what arrived.
 * UPLOAD_GIB and UPLOAD_CUTS change the size and the number of cuts.
 */
export async function benchFiles(): Promise<void> {
  const size = Math.round(Number(process.env.UPLOAD_GIB ?? 5) * GiB)
  const cuts = Number(process.env.UPLOAD_CUTS ?? 20)
  if (!(size > 0) || !(cuts >= 0)) throw new Error('UPLOAD_GIB and UPLOAD_CUTS are numbers.')
  console.log(machineFacts())
  const folder = mkdtempSync(join(tmpdir(), 'modelport-bench-files-'))
  try {
    const { bavail, bsize } = statfsSync(folder)
    const needed = 4 * size + GiB
    if (bavail * bsize < needed)
      throw new Error(
        `${folder} has ${Math.round((bavail * bsize) / GiB)} GiB free; ${Math.ceil(needed / GiB)} are needed.`,
      )
    await run(folder, size, cuts)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(folder: string, size: number, cuts: number): Promise<void> {
  const file = join(folder, 'checkpoint.pth')
  const sha256 = writeLargeFile(file, size)
  const cutAt = Array.from({ length: cuts }, (_, i) => Math.round(((i + 1) * size) / (cuts + 1)))
  const files = await openFilesWorld({ cutAt })
  try {
    const [one, two] = [await files.model('one'), await files.model('two')]
    const context = await files.openBrowser()
    const page = await context.newPage()
    page.on('dialog', (dialog) => dialog.accept())
    // Once through everything with a small file, so that what is measured is the size and not the first visit.
    await page.goto(`${two.url}/files`)
    const small = join(folder, 'small.pth')
    writeLargeFile(small, MiB, 'small')
    await choose(page, 'day', small)
    await untilUpload(page, 'complete')

    const memory = watchMemory(files.world.stack.state.processes.web!)
    const before = memory.now()
    const sentBefore = files.link.sent()
    const started = performance.now()
    await page.goto(`${one.url}/files`)
    await choose(page, 'night', file)
    if (cuts >= 2) {
      await until(async () => files.link.cuts() >= Math.ceil(cuts / 2), 1800_000, 'half of the cuts')
      await page.reload()
      console.log(`reloaded in the middle: ${(await untilUpload(page, 'interrupted')).replaceAll(/\s+/g, ' ')}`)
      await page.locator('li[data-upload=interrupted] input[type=file]').setInputFiles(file)
    }
    await untilUpload(page, 'verifying', 3600_000)
    const sent = (performance.now() - started) / 1000
    await untilUpload(page, 'complete', 3600_000)
    const done = (performance.now() - started) / 1000
    const grown = memory.peak() - before
    const [stored] = (await files.world.get<{ items: { sha256: string; size: number }[] }>(`${one.path}/files`)).items
    const overhead = (files.link.sent() - sentBefore) / size

    const copy = join(folder, 'copy.pth')
    copyFileSync(file, copy)
    const again = performance.now()
    await page.goto(`${two.url}/files`)
    await choose(page, 'night', copy)
    const words = (await untilUpload(page, 'complete', 3600_000)).replaceAll(/\s+/g, ' ')
    const blobs = (await files.database.db.query.blobs.findMany()).filter((blob) => blob.sha256 === sha256)

    const lines = [
      `size              ${(size / GiB).toFixed(2)} GiB (${statSync(file).size} bytes)`,
      `sent in           ${sent.toFixed(0)} s (${(size / MiB / sent).toFixed(0)} MiB/s), verified after ${done.toFixed(0)} s`,
      `link              cut ${files.link.cuts()} times; it carried ${overhead.toFixed(2)} times the size`,
      `site's memory     grew by ${(grown / MiB).toFixed(0)} MiB at most, from ${(before / MiB).toFixed(0)} MiB (target below 50)`,
      `SHA-256           ${stored?.sha256 === sha256 ? 'right' : 'WRONG'}: ${stored?.sha256}`,
      `the same again    ${((performance.now() - again) / 1000).toFixed(0)} s, "${words}"; the bytes are stored ${blobs.length === 1 ? 'once' : `${blobs.length} TIMES`}`,
    ]
    for (const line of lines) console.log(line)
    const good = stored?.sha256 === sha256 && stored.size === size && grown < 50 * MiB && blobs.length === 1
    if (!good) throw new Error('One of these is not as it has to be.')
  } finally {
    await files.stop()
  }
}

const choose = (page: Page, place: string, file: string) =>
  page
    .locator('li.card', { has: page.getByRole('heading', { name: place, exact: true }) })
    .locator('input[type=file]')
    .setInputFiles(file)
