import { SendError, type UploadApi, type World } from '#src/features/files/upload/send-file.ts'
import type { ServerUpload } from '#src/features/files/upload/upload-state.ts'

// What the multipart client needs of a browser.

/** `files` is the address of the model's files in the API. */
export function browserWorld(files: string): World {
  return { api: openApi(files), put, wait, now: () => performance.now() }
}

function openApi(files: string): UploadApi {
  const at = (id: string, rest = '') => `${files}/uploads/${id}${rest}`
  return {
    begin: (wish) => ask('POST', files, wish),
    look: (id) => ask<ServerUpload>('GET', at(id)),
    async sign(id, parts) {
      const wish = { parts: parts.map((number) => ({ number })) }
      const { items } = await ask<{ items: { url: string }[] }>('POST', at(id, '/parts'), wish)
      return items.map(({ url }) => url)
    },
    note: (id, parts) => ask('PUT', at(id, '/parts'), { numbers: parts }),
    complete: (id, sha256) => ask<ServerUpload>('POST', at(id, '/complete'), sha256 ? { sha256 } : {}),
    cancel: (id) => ask('DELETE', at(id)),
  }
}

async function ask<T>(method: string, url: string, body?: unknown): Promise<T> {
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    })
    text = await answer.text()
  } catch {
    throw new SendError(0, 'api', { code: 'no-answer', sentence: 'The site does not answer.' })
  }
  if (answer.ok) return (text ? JSON.parse(text) : undefined) as T
  throw new SendError(answer.status, 'api', readProblem(text, answer.status))
}

function readProblem(text: string, status: number): { code: string; sentence: string } {
  try {
    const { code, detail } = JSON.parse(text) as { code?: string; detail?: string }
    if (detail) return { code: code ?? `status-${status}`, sentence: detail }
  } catch {
    // A proxy in between answered, not we.
  }
  return { code: `status-${status}`, sentence: `The site answered with status ${status}.` }
}

/** A part that moves no byte for so long is given up and sent again. */
const stalledMs = 45_000

/** `fetch` does not tell how much of a body has been sent. */
const put: World['put'] = (url, bytes, { signal, onProgress }) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const fail = (status: number, sentence: string) =>
      reject(new SendError(status, 'store', { code: `store-${status}`, sentence }))
    let stalled = setTimeout(() => request.abort(), stalledMs)
    const alive = () => {
      clearTimeout(stalled)
      stalled = setTimeout(() => request.abort(), stalledMs)
    }
    const abort = () => request.abort()
    request.upload.onprogress = (event) => {
      alive()
      onProgress(event.loaded)
    }
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve()
      else fail(request.status, `The object store refused a part with status ${request.status}.`)
    }
    request.onerror = () => fail(0, 'The object store does not answer.')
    request.onabort = () => (signal.aborted ? reject(signal.reason) : fail(0, 'A part came to a halt on its way.'))
    request.onloadend = () => {
      clearTimeout(stalled)
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort)
    request.open('PUT', url)
    request.send(bytes)
  })

const wait: World['wait'] = (ms, signal) =>
  new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer)
      removeEventListener('online', done)
      signal.removeEventListener('abort', stop)
      settle()
    }
    const done = () => end(resolve)
    const stop = () => end(() => reject(signal.reason))
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
  })
