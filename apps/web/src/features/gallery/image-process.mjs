// A process of its own, in plain JavaScript because Node loads this file as it stands. It decodes a stranger's picture:
// what goes wrong in a decoder goes wrong here, without our secrets, and whoever started this process ends it.
// One picture on stdin; on stdout a line of JSON, then the bytes of the renditions one after the other.
import sharp from 'sharp'

const [pixels, ...sizes] = process.argv.slice(2)

sharp.cache(false)
sharp.concurrency(1)
// Of libvips' loaders those alone that the gallery takes: none for SVG, PDF or anything that reads another file.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadHeifBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
})

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const input = Buffer.concat(chunks)
const options = { limitInputPixels: Number(pixels), failOn: 'error', pages: 1, sequentialRead: true }

try {
  const { format, compression } = await sharp(input, options).metadata()
  if (!['png', 'jpeg', 'webp', 'heif', 'gif'].includes(format) || (format === 'heif' && compression !== 'av1'))
    throw new Error('unsupported image format')
  const renditions = []
  for (const size of sizes) {
    const [width, height, fit] = size.split(/[x-]/)
    // Turned as its EXIF data says; without a word all metadata stays behind, and colours become sRGB.
    const { data, info } = await sharp(input, options)
      .autoOrient()
      .resize({ width: Number(width), height: Number(height), fit, withoutEnlargement: fit === 'inside' })
      .webp({ quality: 80, effort: 4 })
      .toBuffer({ resolveWithObject: true })
    renditions.push({ width: info.width, height: info.height, data })
  }
  const head = { renditions: renditions.map(({ data, ...rest }) => ({ ...rest, bytes: data.length })) }
  process.stdout.write(`${JSON.stringify(head)}\n`)
  for (const { data } of renditions) process.stdout.write(data)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error?.message ?? error).slice(0, 500) })}\n`)
}
