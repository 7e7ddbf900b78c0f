import { deflateSync } from 'node:zlib'
import { listGallery } from '@modelport/db/queries/gallery'
import { objectDeletions } from '@modelport/db/tables/files'
import * as schema from '@modelport/schema/api'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { memoryStorage, openTestSite, type TestSite } from '#src/api/test-site.ts'
import * as picture from '#src/app/[owner]/[model]/gallery/[file]/route.ts'
import * as route from '#src/app/api/v1/models/[owner]/[model]/gallery/route.ts'

const objects = memoryStorage()
let site: TestSite
beforeAll(async () => {
  site = await openTestSite({ storage: objects })
})
afterAll(() => site.close())

const photo = (width = 800, height = 600) =>
  sharp({ create: { width, height, channels: 3, background: '#3b45d1' } })
    .withExif({ IFD0: { Copyright: 'made at 52.37 N' } })
    .jpeg()
    .toBuffer()

/** A model with what a publisher and a stranger can do with its gallery. */
async function open(name: string, options: { private?: boolean } = {}) {
  const { model, publisher } = await site.seed.model({ name, ...options })
  site.permissions.set(`alice/${name} alice`, 'admin')
  const alice = await site.tokenOf(await site.seed.person(`alice`))
  const params = { owner: 'alice', model: name }
  const path = `/models/alice/${name}/gallery`
  const send = (body: Uint8Array, as: string | undefined = alice, type = 'image/jpeg') =>
    site.call(route.POST, path, params, { as, body, headers: { 'content-type': type } })
  const added = async (body: Uint8Array) => schema.GalleryImage.parse(await (await send(body)).json())
  const put = (body: unknown, as: string | undefined = alice) =>
    site.call(route.PUT, path, params, { as, body, method: 'PUT' })
  const get = async (as?: string) =>
    schema.Gallery.parse(await (await site.call(route.GET, path, params, { as })).json())
  const fetched = (image: z.infer<typeof schema.GalleryImage>, as?: string, which = 0) =>
    picture.GET(
      new Request(image.renditions[which]!.url, as ? { headers: { authorization: `Bearer ${as}` } } : undefined),
      {
        params: Promise.resolve({ ...params, file: new URL(image.renditions[which]!.url).pathname.split('/').at(-1)! }),
      },
    )
  return { model, publisher, alice, send, added, put, get, fetched }
}

describe('a gallery', () => {
  it('takes images in, and shows them once they are listed, in their order and with their words', async () => {
    const { model, added, put, get, fetched, alice } = await open('shown')
    await site.seed.publishedVersion(model)
    const [first, second] = [await added(await photo()), await added(await photo(300, 300))]
    expect((await get()).items).toEqual([])
    expect((await fetched(first)).status).toBe(404)
    expect((await fetched(first, alice)).status).toBe(200)

    const items = [
      { id: second.id, alt: 'A blue square', caption: 'Two', version: 1, inputs: 'z: 7\ntruncation: 0.8' },
      { id: first.id, alt: null },
    ]
    expect((await put({ items })).status).toBe(200)
    const gallery = await get()
    expect(gallery.items).toMatchObject([items[0]!, { ...items[1], caption: '', version: null }])

    const answer = await fetched(second)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    })
    const kept = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
    expect(kept).toMatchObject({ format: 'webp', width: 300, height: 300 })
    const [full, , thumbnail] = first.renditions
    expect([full, thumbnail]).toMatchObject([
      { width: 800, height: 600 },
      { width: 192, height: 144 },
    ])
    // What the camera wrote stays behind.
    expect(Buffer.from(await (await fetched(first)).arrayBuffer()).includes('52.37')).toBe(false)
  })

  it('refuses a change of what somebody else has changed meanwhile, and keeps theirs', async () => {
    const { added, put, get } = await open('raced')
    const [a, b] = [await added(await photo(20, 20)), await added(await photo(30, 30))]
    const { revision } = await get()
    expect((await put({ revision, items: [{ id: a.id, alt: 'a' }] })).status).toBe(200)
    expect((await put({ revision, items: [{ id: b.id, alt: 'b' }] })).status).toBe(409)
    expect((await get()).items.map(({ id }) => id)).toEqual([a.id])
  })

  it('has the objects of a removed image deleted, and answers 404 for it', async () => {
    const { model, added, put, get, fetched, alice } = await open('removed')
    const image = await added(await photo(40, 40))
    await put({ items: [{ id: image.id, alt: 'x' }] })
    const keys = (await listGallery(site.db, model.id))[0]!.renditions.map(({ key }) => key)
    expect(keys.every((key) => objects.kept.has(key))).toBe(true)
    await put({ items: [] })
    expect((await get()).items).toEqual([])
    expect((await fetched(image, alice)).status).toBe(404)
    const due = (await site.db.select().from(objectDeletions)).map(({ key }) => key)
    expect(due).toEqual(expect.arrayContaining(keys))
  })

  it('of a private model is nobody else’s, and neither are its files', async () => {
    const { added, put, fetched, alice } = await open('hidden', { private: true })
    const image = await added(await photo(50, 50))
    await put({ items: [{ id: image.id, alt: 'secret' }] })
    const stranger = await site.tokenOf(await site.seed.person('stranger'))
    for (const as of [undefined, stranger]) expect((await fetched(image, as)).status).toBe(404)
    const mine = await fetched(image, alice)
    expect(mine.status).toBe(200)
    expect(mine.headers.get('cache-control')).toBe('private, max-age=300')
  })

  it('is changed by publishers only', async () => {
    const { send, put } = await open('guarded')
    const stranger = await site.tokenOf(await site.seed.person('other'))
    const reader = await site.tokenOf(await site.seed.person('alice'), ['read'])
    const body = await photo(10, 10)
    expect((await send(body, stranger)).status).toBe(404)
    expect((await send(body, reader)).status).toBe(403)
    expect((await put({ items: [] }, stranger)).status).toBe(404)
    expect((await put({ items: [] }, reader)).status).toBe(403)
  })

  it('does not hold another model’s image, one twice, more than twenty, or one that nobody described', async () => {
    const { added, put } = await open('strict')
    const other = await open('elsewhere')
    const [mine, theirs] = [await added(await photo(10, 10)), await other.added(await photo(10, 10))]
    expect((await put({ items: [{ id: theirs.id, alt: 'x' }] })).status).toBe(409)
    const entry = { id: mine.id, alt: 'x' }
    expect((await put({ items: [entry, entry] })).status).toBe(409)
    expect((await put({ items: Array.from({ length: 21 }, () => entry) })).status).toBe(400)
    expect((await put({ items: [{ id: mine.id, alt: '  ' }] })).status).toBe(400)
    expect((await put({ items: [{ id: mine.id }] })).status).toBe(400)
    expect((await put({ items: [{ ...entry, version: 7 }] })).status).toBe(409)
  })
})

const png = (width: number, height: number, ...chunks: Buffer[]) => {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 0, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    ...(chunks.length > 0 ? chunks : [chunk('IDAT', deflateSync(Buffer.alloc(1_000_000)))]),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ -1) >>> 0
}

describe('a hostile image (T71)', () => {
  it.each([
    ['60,000 by 60,000 pixels', () => png(60_000, 60_000), /million pixels/],
    ['a PNG that ends early', async () => (await photo()).subarray(0, 900), /cannot be decoded/],
    [
      'SVG with a script',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
      /no PNG/,
    ],
    [
      'SVG behind a PNG’s name',
      () => Buffer.from('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>'),
      /no PNG/,
    ],
    ['HTML', () => Buffer.from('<!doctype html><script>alert(1)</script>'), /no PNG/],
    ['HTML that begins as a GIF', () => Buffer.from('GIF89a/*<script>alert(1)</script>*/=1;'), /cannot be decoded/],
    ['nothing', () => Buffer.alloc(0), /no PNG/],
    ['more than 8 MB', () => Buffer.alloc(8 * 1024 * 1024 + 1), /8 MB/],
    [
      'TIFF',
      () =>
        sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
          .tiff()
          .toBuffer(),
      /no PNG/,
    ],
  ])('is refused: %s', async (what, make, sentence) => {
    const { send } = await open(`t71-${what.replaceAll(/\W+/g, '-').toLowerCase()}`)
    const answer = await send(Buffer.from(await make()))
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { detail: string }).detail).toMatch(sentence)
  })

  it('keeps its first frame alone, and nothing of what is hidden behind the picture', async () => {
    const { added, fetched, alice } = await open('polyglot')
    const frames = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        sharp({ create: { width: 60, height: 60, channels: 3, background: { r: i * 6, g: 0, b: 0 } } })
          .png()
          .toBuffer(),
      ),
    )
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect((await sharp(gif).metadata()).pages).toBeGreaterThan(10)
    const image = await added(Buffer.concat([gif, Buffer.from('<script>alert(document.domain)</script>')]))
    const body = Buffer.from(await (await fetched(image, alice)).arrayBuffer())
    expect(await sharp(body).metadata()).toMatchObject({ format: 'webp', width: 60, height: 60 })
    expect((await sharp(body).metadata()).pages ?? 1).toBe(1)
    expect(body.includes('<script>')).toBe(false)
  })
})
