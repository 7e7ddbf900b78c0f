/**
 * Data for search engines. Everything that could end the script, or that a parser of HTML or of old JavaScript reads
 * otherwise, is written as an escape of JSON.
 */
export function JsonLd({ data }: { data: object }) {
  // biome-ignore lint/security/noDangerouslySetInnerHtml: React would write HTML's escapes, which mean nothing in a script
  return <script type="application/ld+json" dangerouslySetInnerHTML={{ __html: jsonForScript(data) }} />
}

export function jsonForScript(data: object): string {
  return JSON.stringify(data).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
