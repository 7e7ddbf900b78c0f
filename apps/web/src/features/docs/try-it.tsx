'use client'
import { type FormEvent, useRef, useState } from 'react'
import { ScrollBox } from '#src/ui/scroll-box.tsx'

// Kept while the page is open and nowhere else.
let token = ''

export function TryItToken() {
  return (
    <label className="block max-w-md">
      <span className="font-medium">Token for “Try it”</span>
      <input
        type="password"
        autoComplete="off"
        spellCheck={false}
        className="input mt-1 font-mono"
        placeholder="mp_… (your session when empty)"
        onChange={(event) => {
          token = event.target.value.trim()
        }}
      />
    </label>
  )
}

export interface TriedParameter {
  name: string
  in: 'path' | 'query'
  required: boolean
  example: string
  choices: string[] | null
}

interface Answer {
  line: string
  text: string
}

/** Longer answers are cut; a log can be endless. */
const shownCharacters = 100_000

/** Sends an operation from this page, as whoever is signed in or with the token above. */
export function TryIt(props: {
  name: string
  method: string
  path: string
  parameters: TriedParameter[]
  body: { types: string[]; example: string | null } | null
}) {
  const { name, method, path, parameters, body } = props
  const [answer, setAnswer] = useState<Answer | null>(null)
  const [running, setRunning] = useState(false)
  const stop = useRef<AbortController | null>(null)

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    stop.current = new AbortController()
    setRunning(true)
    setAnswer(null)
    setAnswer(await ask(addressOf(path, parameters, form), method, body, form, stop.current.signal))
    setRunning(false)
  }

  return (
    <details className="rounded-lg border border-border">
      <summary className="min-h-9 px-3 py-2 font-medium">Try it</summary>
      <form onSubmit={send} className="space-y-3 border-t border-border p-3" aria-label={`Try ${name}`}>
        {parameters.map((one) => (
          <div key={one.name} className="grid items-center gap-x-3 sm:grid-cols-[120px_minmax(0,1fr)]">
            <label htmlFor={`${name}-${one.name}`} className="font-mono text-[13px]">
              {one.name}
              {one.required ? <span className="text-fg-muted"> (required)</span> : null}
            </label>
            {one.choices ? (
              <select id={`${name}-${one.name}`} name={one.name} className="input" defaultValue={one.example}>
                {one.required ? null : <option value="">Not sent</option>}
                {one.choices.map((choice) => (
                  <option key={choice}>{choice}</option>
                ))}
              </select>
            ) : (
              <input
                id={`${name}-${one.name}`}
                name={one.name}
                className="input font-mono text-[13px]"
                defaultValue={one.example}
                required={one.required}
                autoComplete="off"
                spellCheck={false}
              />
            )}
          </div>
        ))}
        {body?.example ? (
          <label className="block">
            <span className="font-mono text-[13px]">Body</span>
            <textarea
              name="body"
              rows={Math.min(12, body.example.split('\n').length + 1)}
              className="input mt-1 font-mono text-[13px]"
              defaultValue={body.example}
              spellCheck={false}
            />
          </label>
        ) : null}
        {body && !body.example ? (
          <label className="block">
            <span className="font-mono text-[13px]">File</span>
            <input type="file" name="file" accept={body.types.join(',')} required className="mt-1 block max-w-full" />
          </label>
        ) : null}
        <div className="flex flex-wrap items-center gap-3">
          <button
            type="submit"
            className={`button ${method === 'DELETE' ? 'button-danger' : 'button-primary'}`}
            disabled={running}
          >
            Send {method}
          </button>
          {running ? (
            <button type="button" className="button" onClick={() => stop.current?.abort()}>
              Stop
            </button>
          ) : null}
          {method === 'GET' ? null : <span className="text-[13px] text-fg-muted">This changes real data.</span>}
        </div>
        <div aria-live="polite">
          {answer ? (
            <>
              <p className="font-mono text-[13px]">{answer.line}</p>
              {answer.text ? (
                <ScrollBox label="Answer" className="mt-2 max-h-96 overflow-auto rounded-md bg-bg-subtle">
                  <pre className="p-3 font-mono text-[13px] leading-5 whitespace-pre-wrap">{answer.text}</pre>
                </ScrollBox>
              ) : null}
            </>
          ) : null}
        </div>
      </form>
    </details>
  )
}

function addressOf(path: string, parameters: TriedParameter[], form: FormData): string {
  const value = (name: string) => String(form.get(name) ?? '')
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(value(name)))
  const query = new URLSearchParams()
  for (const one of parameters) if (one.in === 'query' && value(one.name) !== '') query.set(one.name, value(one.name))
  return `/api/v1${filled}${query.size > 0 ? `?${query}` : ''}`
}

async function ask(
  address: string,
  method: string,
  body: { types: string[]; example: string | null } | null,
  form: FormData,
  signal: AbortSignal,
): Promise<Answer> {
  const began = performance.now()
  const file = form.get('file')
  const sent = body
    ? body.example === null && file instanceof File
      ? file
      : String(form.get('body') ?? '')
    : undefined
  try {
    const response = await fetch(address, {
      method,
      signal,
      body: sent,
      // A pasted token speaks for itself; without one the browser's session does.
      credentials: token ? 'omit' : 'same-origin',
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(sent === undefined
          ? {}
          : { 'content-type': sent instanceof File ? sent.type || 'image/png' : 'application/json' }),
      },
    })
    const text = await readSome(response)
    const took = Math.round(performance.now() - began)
    return { line: `${response.status} ${response.statusText} · ${took} ms · ${method} ${address}`, text: pretty(text) }
  } catch (error) {
    return { line: signal.aborted ? 'Stopped.' : `The request did not reach the site: ${String(error)}`, text: '' }
  }
}

/** The beginning of an answer: what comes until it is long enough or stopped. */
async function readSome(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    while (reader && text.length < shownCharacters) {
      const { value, done } = await reader.read()
      if (done) return text
      text += value
    }
    await reader?.cancel()
    return `${text.slice(0, shownCharacters)}\n…`
  } catch {
    return `${text}\n(stopped)`
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
