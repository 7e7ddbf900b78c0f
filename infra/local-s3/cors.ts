import { S3Error } from './s3-error.ts'
import { type Element, textOf, textsOf, type XmlFields } from './xml.ts'

/** Which pages of other sites may talk to a bucket. */
export interface CorsRule {
  origins: string[]
  methods: string[]
  headers: string[]
  exposed: string[]
  /** How long a browser may keep the answer to a preflight, in seconds. */
  maxAgeSeconds?: number
}

/** The rule under which our site's pages send parts and read their ETags. */
export function siteRule(origins: readonly string[]): CorsRule {
  return {
    origins: [...origins],
    methods: ['GET', 'HEAD', 'PUT'],
    headers: ['*'],
    exposed: ['ETag', 'Content-Range', 'Accept-Ranges', 'Content-Length'],
    maxAgeSeconds: 3000,
  }
}

/** What an answer says to a page of `origin` that did `method`; null when no rule lets it. */
export function corsHeaders(
  rules: readonly CorsRule[],
  origin: string,
  method: string,
  headers: readonly string[] = [],
): Record<string, string> | null {
  const rule = rules.find(
    (candidate) =>
      candidate.origins.some((pattern) => fits(pattern, origin)) &&
      candidate.methods.includes(method) &&
      headers.every((header) => candidate.headers.some((pattern) => fits(pattern.toLowerCase(), header.toLowerCase()))),
  )
  if (!rule) return null
  const everyone = rule.origins.includes('*')
  return {
    'access-control-allow-origin': everyone ? '*' : origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(rule.exposed.length ? { 'access-control-expose-headers': rule.exposed.join(', ') } : {}),
    ...(headers.length ? { 'access-control-allow-headers': headers.join(', ') } : {}),
    ...(rule.maxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.maxAgeSeconds) }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  }
}

/** Reads a CORSConfiguration. */
export function readCors(root: Element): CorsRule[] {
  const rules = root.children
    .filter(({ name }) => name === 'CORSRule')
    .map((rule): CorsRule => {
      const age = textOf(rule, 'MaxAgeSeconds')
      return {
        origins: textsOf(rule, 'AllowedOrigin'),
        methods: textsOf(rule, 'AllowedMethod'),
        headers: textsOf(rule, 'AllowedHeader'),
        exposed: textsOf(rule, 'ExposeHeader'),
        ...(age === undefined ? {} : { maxAgeSeconds: Number(age) }),
      }
    })
  const complete = rules.every(({ origins, methods }) => origins.length && methods.length)
  if (root.name !== 'CORSConfiguration' || rules.length === 0 || !complete) {
    throw new S3Error('MalformedXML', 'A CORSConfiguration has rules with an AllowedOrigin and an AllowedMethod each.')
  }
  if (rules.some(({ origins, headers }) => [...origins, ...headers].some((pattern) => pattern.split('*').length > 2))) {
    throw new S3Error('InvalidRequest', 'AllowedOrigin and AllowedHeader hold at most one *.')
  }
  return rules
}

/** The fields of a CORSConfiguration. */
export function corsFields(rules: readonly CorsRule[]): XmlFields {
  return {
    CORSRule: rules.map((rule) => ({
      AllowedOrigin: rule.origins,
      AllowedMethod: rule.methods,
      AllowedHeader: rule.headers,
      ExposeHeader: rule.exposed,
      MaxAgeSeconds: rule.maxAgeSeconds,
    })),
  }
}

/** Whether a text fits a pattern with at most one `*`. */
function fits(pattern: string, text: string): boolean {
  const [start, end] = pattern.split('*') as [string, string | undefined]
  if (end === undefined) return pattern === text
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end)
}
