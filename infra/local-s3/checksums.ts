import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** The checksums that a client may name, as they end the header `x-amz-checksum-...`. */
export const checksumNames = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const
export type ChecksumName = (typeof checksumNames)[number]

/** A checksum that is fed piece by piece. */
export interface RunningChecksum {
  update(data: Uint8Array): void
  digest(): Buffer
}

/** Begins a checksum; its digest holds the bytes that S3 writes as base64. */
export function beginChecksum(name: ChecksumName): RunningChecksum {
  if (name === 'crc32') return beginCrc32()
  if (name === 'crc32c') return beginCrc32c()
  if (name === 'crc64nvme') return beginCrc64Nvme()
  const hash = createHash(name)
  return { update: (data) => void hash.update(data), digest: () => hash.digest() }
}

function beginCrc32(): RunningChecksum {
  let value = 0
  return {
    update(data) {
      value = crc32(data, value)
    },
    digest: () => bigEndian(value),
  }
}

// Castagnoli's polynomial, reflected (RFC 3720, appendix B.4).
const castagnoli = tableOf(0x82f63b78)

function beginCrc32c(): RunningChecksum {
  let value = ~0
  return {
    update(data) {
      let v = value
      for (let i = 0; i < data.length; i++) v = castagnoli[(v ^ data[i]!) & 0xff]! ^ (v >>> 8)
      value = v
    },
    digest: () => bigEndian(~value),
  }
}

function tableOf(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
    return value
  })
}

// CRC-64/NVME, reflected (NVM Express NVM Command Set Specification, "64b CRC"). Two 32-bit halves: a BigInt for each
// byte would be a hundred times slower.
const nvme = (() => {
  const low = new Int32Array(256)
  const high = new Int32Array(256)
  const polynomial = 0x9a6c9329ac4bc9b5n
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte)
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n
    low[byte] = Number(value & 0xffffffffn)
    high[byte] = Number(value >> 32n)
  }
  return { low, high }
})()

function beginCrc64Nvme(): RunningChecksum {
  let low = ~0
  let high = ~0
  return {
    update(data) {
      for (let i = 0; i < data.length; i++) {
        const row = (low ^ data[i]!) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ nvme.low[row]!
        high = (high >>> 8) ^ nvme.high[row]!
      }
    },
    digest: () => Buffer.concat([bigEndian(~high), bigEndian(~low)]),
  }
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}
