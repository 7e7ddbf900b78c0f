// A longer name helps nobody, and some proxies refuse long headers.
const maxNameBytes = 200

/** A Content-Disposition that has browsers save a file under `fileName`, whatever it holds (RFC 6266, with RFC 8187 for what ASCII lacks). */
export function attachment(fileName: string): string {
  const name = shorten(safeName(fileName))
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/g, '_')
    .replace(/["\\%]/g, '_')
  const plain = `attachment; filename="${ascii}"`
  return ascii === name ? plain : `${plain}; filename*=UTF-8''${encodeExtended(name)}`
}

/** The name without folders, control characters, and what turns text around or cannot be seen. */
function safeName(fileName: string): string {
  const name = fileName
    .toWellFormed()
    .split(/[/\\]/)
    .at(-1)!
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
    .trim()
  return name === '' || name === '.' || name === '..' ? 'file' : name
}

/** Cuts the middle, so that the ending stays. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name
  const ending = /\.[A-Za-z0-9]{1,12}$/.exec(name)?.[0] ?? ''
  let start = ''
  for (const character of name) {
    if (Buffer.byteLength(start + character + ending) > maxNameBytes) break
    start += character
  }
  return start + ending
}

/** RFC 8187: all but its attr-char is percent-encoded. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
