import type { Readable } from 'node:stream'
import { extract } from 'tar-stream'
import { type Engine, engineStatus, labels, removing } from './engine.ts'

export interface ImageFileRequest {
  imageId: string
  buildId: string
  epoch: number
  /** Absolute path in the image. */
  path: string
  /** What lies beyond is not read. */
  maxBytes: number
  signal: AbortSignal
}

/**
 * Reads the beginning of a file of an image through a container that is never started. Null where the path holds
 * anything but a plain file: the image is a stranger's, and a link or a directory of any size may lie there.
 */
export async function readImageFile(engine: Engine, request: ImageFileRequest): Promise<Buffer | null> {
  request.signal.throwIfAborted()
  const container = await engine.docker.createContainer({
    Image: request.imageId,
    Entrypoint: [],
    Cmd: ['never started'],
    Labels: {
      [labels.installation]: engine.installation,
      [labels.build]: request.buildId,
      [labels.epoch]: String(request.epoch),
      [labels.purpose]: 'read',
    },
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } },
  })
  try {
    const archive = (await container.getArchive({ path: request.path, abortSignal: request.signal })) as Readable
    try {
      return await firstFile(archive, request.maxBytes)
    } finally {
      archive.destroy()
    }
  } catch (error) {
    if (engineStatus(error) === 404 || leadsNowhere(error)) return null
    throw error
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}

/** The engine calls it an error of its own when a folder on the way is a file, or links go round in a circle. */
function leadsNowhere(error: unknown): boolean {
  return engineStatus(error) === 500 && /not a directory|too many (levels of symbolic )?links/i.test(String(error))
}

/** The first `maxBytes` of an archive's first member, or null when that is no plain file. */
async function firstFile(archive: Readable, maxBytes: number): Promise<Buffer | null> {
  const members = extract()
  archive.on('error', (error) => members.destroy(error))
  archive.pipe(members)
  for await (const member of members) {
    if (member.header.type !== 'file') return null
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of member as AsyncIterable<Buffer>) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes >= maxBytes) break
    }
    return Buffer.concat(pieces).subarray(0, maxBytes)
  }
  return null
}
