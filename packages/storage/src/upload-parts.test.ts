import { expect, it } from 'vitest'
import { readStorageConfig } from './config.ts'
import { bytesOfPart, missingParts, partBytesFor, partCount } from './upload-parts.ts'

const [MiB, GiB, TiB] = [1024 ** 2, 1024 ** 3, 1024 ** 4]

it('cuts any file into at most 10,000 parts within the sizes that S3 takes', () => {
  for (const bytes of [0, 1, 16 * MiB, 16 * MiB + 1, 5 * GiB, 20 * GiB, 100 * GiB + 7, 5 * TiB]) {
    const partBytes = partBytesFor(bytes)
    const count = partCount(bytes, partBytes)
    expect(count).toBeGreaterThanOrEqual(1)
    expect(count).toBeLessThanOrEqual(10_000)
    expect(partBytes).toBeGreaterThanOrEqual(16 * MiB)
    if (bytes <= 500 * GiB) expect(partBytes).toBeLessThanOrEqual(64 * MiB)
    let sum = 0
    for (let number = 1; number <= count; number++) sum += bytesOfPart(number, bytes, partBytes)
    expect(sum).toBe(bytes)
    expect(() => bytesOfPart(0, bytes, partBytes)).toThrow(RangeError)
    expect(() => bytesOfPart(count + 1, bytes, partBytes)).toThrow(RangeError)
  }
})

it('knows which parts are missing, or short', () => {
  const plan = { bytes: 40 * MiB, partBytes: 16 * MiB }
  const part = (number: number, bytes: number) => ({ number, bytes, etag: '' })
  expect(missingParts(plan, [])).toEqual([1, 2, 3])
  expect(missingParts(plan, [part(1, 16 * MiB), part(2, 5), part(3, 8 * MiB)])).toEqual([2])
})

it('reads where the object store is', () => {
  const env = {
    S3_ENDPOINT: 'http://127.0.0.1:3060/',
    S3_BUCKET: 'b',
    S3_ACCESS_KEY_ID: 'k',
    S3_SECRET_ACCESS_KEY: 's',
  }
  expect(readStorageConfig(env)).toEqual({
    config: {
      endpoint: 'http://127.0.0.1:3060',
      publicEndpoint: 'http://127.0.0.1:3060',
      region: 'us-east-1',
      bucket: 'b',
    },
    secrets: { accessKeyId: 'k', secretAccessKey: 's' },
  })
  expect(() => readStorageConfig({})).toThrow('S3_ENDPOINT is not set')
  expect(() => readStorageConfig({ ...env, S3_BUCKET: '' })).toThrow('S3_BUCKET is not set')
  for (const bad of ['localhost:3060', 'ftp://x', 'http://u:p@x', 'http://x?a=b']) {
    expect(() => readStorageConfig({ ...env, S3_PUBLIC_ENDPOINT: bad })).toThrow(
      /^S3_PUBLIC_ENDPOINT is the http or https URL/,
    )
  }
})
