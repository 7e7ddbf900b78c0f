import { z } from 'zod'
import { changeClasses } from './compare-manifests.ts'
import { directoryLimits, facets, readSize, searchWords, sorts } from './directory.ts'
import { galleryLimits, galleryTypes } from './gallery.ts'
import { describedLimits, sources } from './model-card/describe.ts'
import { plainText, webAddress } from './model-card/read-data.ts'
import { changedThings, changeKinds } from './model-changes.ts'
import { refRuleLimits, refRuleProblem } from './ref-rules.ts'
import { buildStates, modelStates, stepStates, uploadStates, versionStates } from './states.ts'
import { Failure, Fault, Substitution, SubstitutionPolicy, Target } from './words.ts'

// The contract of /api/v1. The site parses requests with these, and the OpenAPI document is made from them.

/** Postgres' text holds any character but NUL. */
const searchText = (length: number) =>
  z
    .string()
    .max(length)
    .regex(/^[^\0]*$/, 'must not hold NUL')

const Time = z.iso.datetime().describe('UTC')

export const Visibility = z.enum(['public', 'unlisted', 'private'])
export const Scope = z.enum(['read', 'write', 'files', 'admin'])

/** RFC 9457. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string().optional().describe('A stable name of the reason, where programs may want to tell it from others.'),
})

// Requests

export const Page = z.object({
  cursor: z.string().max(200).optional().describe('`nextCursor` of the page before.'),
  limit: z.coerce.number().int().min(1).max(100).optional(),
})

const Values = (what: string) =>
  searchText(directoryLimits.values * directoryLimits.value)
    .refine((text) => text.split(',').length <= directoryLimits.values, `at most ${directoryLimits.values} values`)
    .optional()
    .describe(`${what} Several, with commas between them: any of them.`)

export const ModelsQuery = Page.extend({
  q: searchText(directoryLimits.q)
    .refine((text) => searchWords(text).length <= directoryLimits.words, `at most ${directoryLimits.words} words`)
    .optional()
    .describe('Words of the owner, name, title, summary, keywords or README. The last one may be a beginning.'),
  input: Values('Types that a command takes.'),
  output: Values('Types that a command returns.'),
  license: Values('SPDX ids; `own`, `not-stated`.'),
  permission: Values('What the licence allows: `commercial`, `distribution`, `modification`; `not-stated`.'),
  keyword: Values('Topics of the repository.'),
  framework: Values('`pytorch`, `tensorflow`.'),
  target: Values('`cpu`, `gpu`.'),
  size: z
    .string()
    .max(40)
    .refine((text) => text === '' || readSize(text) !== null, 'must be like ..2gb, 500mb.. or 500mb..2gb')
    .optional()
    .describe('Bytes of the smallest image: `..2gb`, `500mb..`, `500mb..2gb`.'),
  publisher: Values('Owners.'),
  sort: z.enum(sorts).optional().describe('`relevance` with `q`, else `updated`, when left out.'),
})

export const ImportRequest = z.strictObject({
  repository: z
    .string()
    .max(210)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\/[A-Za-z0-9._-]{1,100}$/, 'must be owner/name')
    .describe('`owner/name` on GitHub.'),
})

/** One line of a publisher's own words; an empty one counts as none. */
const ownWords = (longest: number) =>
  z
    .string()
    .max(longest)
    .transform((text) => plainText(text, longest) ?? '')
const WebLink = z
  .string()
  .max(1000)
  .refine((text) => webAddress(text) !== null, 'must be an http or https address')
const orReset = <T extends z.ZodType>(schema: T) =>
  schema.nullable().optional().describe('`null` hands it back to the repository.')

export const Link = z.strictObject({ title: ownWords(200), url: WebLink })
export const Author = z.strictObject({
  name: ownWords(200).refine((name) => name !== '', 'must not be empty'),
  role: ownWords(100).nullable().optional(),
  url: WebLink.nullable().optional(),
})

export const Performance = z.strictObject({
  hardware: ownWords(describedLimits.performanceText).refine((text) => text !== '', 'must not be empty'),
  time: ownWords(describedLimits.performanceText).nullable().optional(),
  memory: ownWords(describedLimits.performanceText).nullable().optional(),
  version: z.number().int().positive().nullable().optional().describe('The version that was measured.'),
})

export const LicenseEdit = z.union([
  z.strictObject({
    spdx: z
      .string()
      .max(describedLimits.licence)
      .regex(/^[A-Za-z0-9][A-Za-z0-9.+-]*$/, 'must be an SPDX id, such as Apache-2.0'),
  }),
  z.strictObject({
    name: ownWords(describedLimits.licence).refine((name) => name !== '', 'must not be empty'),
    url: WebLink.nullable().optional(),
  }),
])

const RefRules = z
  .array(
    z
      .string()
      .trim()
      .superRefine((rule, check) => {
        const problem = refRuleProblem(rule)
        if (problem) check.addIssue({ code: 'custom', message: `The pattern ${JSON.stringify(rule)} ${problem}.` })
      }),
  )
  .max(refRuleLimits.rules)
  .optional()

/** A name in addresses: what a repository on GitHub can be called. */
const ModelName = z
  .string()
  .trim()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/, 'must be 1 to 100 letters, digits, dots, hyphens or underscores')

export const ModelChange = z.strictObject({
  name: ModelName.nullable()
    .optional()
    .describe('The name in addresses; every old one redirects. `null` goes back to the repository’s. For owners.'),
  archived: z.boolean().optional().describe('Read-only: nothing is built, nothing is lost. For owners.'),
  title: orReset(ownWords(describedLimits.title)),
  summary: orReset(ownWords(describedLimits.summary)),
  overview: orReset(
    searchText(describedLimits.overview).refine(
      (text) => new TextEncoder().encode(text).length <= describedLimits.overview,
      'must be at most 64 KiB',
    ),
  ).describe('Markdown in place of the README; `null` hands it back to the repository.'),
  license: orReset(LicenseEdit),
  performance: orReset(z.array(Performance).max(describedLimits.performance)),
  keywords: orReset(z.array(ownWords(describedLimits.keyword)).max(describedLimits.keywords)),
  links: orReset(z.array(Link).max(describedLimits.links)),
  authors: orReset(z.array(Author).max(describedLimits.authors)),
  visibility: Visibility.optional(),
  branch: z
    .string()
    .trim()
    .min(1)
    .max(250)
    .refine((name) => !/[*!]/.test(name) && refRuleProblem(name) === null, 'must be the name of one branch')
    .optional()
    .describe('The production branch.'),
  branchRules: RefRules.describe('Patterns of further branches that make versions: `release/*`, `!release/old*`.'),
  tagRules: RefRules.describe('Patterns of tags that make versions: `v*`.'),
  viewersSeeVersions: z.boolean().optional(),
  viewersSeeLogs: z.boolean().optional(),
  viewersSeeFiles: z.boolean().optional(),
  substitutionPolicy: SubstitutionPolicy.nullable().optional(),
})

export const VersionChange = z.strictObject({
  yanked: z.boolean().describe('`true` takes the version out of offer, `false` puts it back.'),
  reason: z.string().trim().min(3).max(500).optional().describe('Needed to yank; people who open the version read it.'),
})

export const RebuildRequest = z.strictObject({
  target: Target.optional().describe('Only this target; all without an image when left out.'),
  cache: z.boolean().default(true),
})

export const DefaultVersionRequest = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('latest') }),
  z.strictObject({ policy: z.literal('pinned'), version: z.number().int().positive() }),
])

/** A publisher's own words in several lines. */
const ownLines = (longest: number) =>
  z
    .string()
    .max(longest)
    .transform((text) =>
      text
        .split(/\r\n?|\n/)
        .map((line) => plainText(line, longest) ?? '')
        .join('\n')
        .trim(),
    )

export const GalleryRequest = z.strictObject({
  revision: z.string().max(64).optional().describe('Of the gallery that you changed; refused when it is another now.'),
  items: z
    .array(
      z.strictObject({
        id: z.uuid(),
        alt: ownWords(galleryLimits.alt)
          .refine((alt) => alt !== '', 'must say what the image shows, or be null for a decorative one')
          .nullable()
          .describe('What the image shows; `null` for a decorative one.'),
        caption: ownWords(galleryLimits.caption).default(''),
        inputs: ownLines(galleryLimits.inputs).default('').describe('What was put into the model.'),
        version: z.number().int().positive().nullable().default(null).describe('The version that made it.'),
      }),
    )
    .max(galleryLimits.images)
    .describe('All images in their order; one that is left out is removed.'),
})

export const LogQuery = z.object({
  follow: z.enum(['0', '1']).optional().describe('`1`: server-sent events whose ids are line numbers, then `end`.'),
  format: z
    .enum(['text', 'json', 'jsonl'])
    .optional()
    .describe('`json`: pages of lines with number, step, stream and time; `jsonl`: all of them as a file, one a line.'),
  step: z
    .string()
    .regex(/^[a-z]+(:\d{1,4})?$/)
    .optional()
    .describe('Of a file, only the lines of this step, for example `build:2`.'),
  after: z.coerce.number().int().min(0).max(999_999_999).optional().describe('Only lines with higher numbers.'),
  limit: z.coerce.number().int().min(1).max(5000).optional().describe('Lines of a JSON page.'),
  find: searchText(200).min(1).optional().describe('The numbers of the lines that contain this, in any case.'),
  attempt: z.coerce.number().int().min(1).max(100_000).optional().describe('An earlier attempt instead of the newest.'),
})

export const ChangesQuery = Page.extend({
  what: z.enum(changedThings).optional().describe('Only changes of this.'),
})

export const DeliveriesQuery = Page.extend({
  repository: ImportRequest.shape.repository.describe('`owner/name` of a model.'),
})

/** 64 hexadecimal digits, kept in lower case. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
  .transform((digits) => digits.toLowerCase())

const Option = searchText(200).min(1).nullable().default(null).describe('A set-up option; `null` for a free file.')
const Choice = searchText(500)
  .nullable()
  .default(null)
  .describe('The choice, where the option is a category; `null` elsewhere.')

export const FilesQuery = z.object({
  earlier: z.enum(['0', '1']).optional().describe('`1`: also files that another one replaced.'),
})

export const UploadRequest = z.strictObject({
  name: z.string().min(1).max(1000).describe('The file’s name; at most 255 characters are kept.'),
  size: z.number().int().min(1, 'an empty file has nothing to keep').max(Number.MAX_SAFE_INTEGER).describe('Bytes.'),
  option: Option,
  choice: Choice,
  sha256: Sha256.optional().describe('Of the whole file. Content that you can read here already is linked at once.'),
  lastModified: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('The file’s date, in milliseconds since 1970.'),
  fingerprint: Sha256.optional().describe(
    'SHA-256 of the first and the last MiB. With the name, the size and the date it tells whether an upload goes on.',
  ),
})

const PartNumber = z.number().int().min(1).max(10_000)

export const PartsRequest = z.strictObject({
  parts: z
    .array(
      z.strictObject({
        number: PartNumber,
        sha256: z
          .string()
          .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be base64 of 32 bytes')
          .optional()
          .describe('Base64. The object store then takes these bytes only.'),
      }),
    )
    .min(1)
    .max(100),
})

export const ArrivedRequest = z.strictObject({
  numbers: z.array(PartNumber).min(1).max(100).describe('The parts that have arrived since you said so last.'),
})

export const CompleteRequest = z.strictObject({
  sha256: Sha256.optional().describe('What you computed. Another one found in the store fails the upload.'),
})

export const FileChange = z.strictObject({
  name: z.string().min(1).max(1000).optional(),
  description: z.string().max(2000).optional(),
})

export const TokenRequest = z.strictObject({
  name: z.string().trim().min(1).max(100),
  scopes: z.array(Scope).min(1).optional().describe('All when left out.'),
  expiresInDays: z.number().int().min(1).max(3650).optional(),
})

// Answers

export const Build = z.object({
  target: Target,
  attempt: z.number().int(),
  status: z.enum(buildStates),
  step: z.string().nullable().describe('The step that runs, or in which it failed.'),
  image: z
    .string()
    .nullable()
    .describe('What to pull or run: `host/repository@digest`, or an image id of the local engine.'),
  repository: z.string().nullable(),
  tag: z.string().nullable(),
  digest: z.string().nullable(),
  pushed: z.boolean(),
  size: z.number().int().nullable().describe('Bytes.'),
  durationMs: z.number().int().nullable(),
  createdAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
  base: z
    .object({ entry: z.string(), imageId: z.string(), python: z.string(), cuda: z.string().nullable() })
    .nullable(),
  substitutions: z.array(Substitution),
  lines: z.number().int().nullable().describe('Lines of the log; null for people who may not see logs.'),
  failure: Failure.extend({ fault: Fault }).nullable(),
  layers: z.array(z.object({ kind: z.string(), step: z.string().nullable(), reused: z.boolean() })).optional(),
  dockerfile: z.string().nullable().optional(),
  steps: z
    .array(
      z.object({
        name: z.string(),
        command: z.string().nullable(),
        status: z.enum(stepStates),
        startedAt: Time,
        durationMs: z.number().int().nullable(),
        exitCode: z.number().int().nullable(),
        outOfMemory: z.boolean(),
        reused: z.boolean(),
      }),
    )
    .optional(),
})

export const VersionSummary = z.object({
  number: z.number().int(),
  status: z.enum(versionStates),
  reason: z.string().nullable(),
  default: z.boolean(),
  commit: z.string(),
  ref: z.string().nullable(),
  subject: z.string(),
  author: z.string().nullable(),
  trigger: z.enum(['push', 'import', 'rebuild']),
  requestedBy: z.string().nullable(),
  yanked: z.object({ at: Time, by: z.string().nullable(), reason: z.string().nullable() }).nullable(),
  createdAt: Time,
  finishedAt: Time.nullable(),
  builds: z.array(Build),
})

export const Version = VersionSummary.extend({
  rebuildOf: z.number().int().nullable(),
  manifest: z.unknown().describe('Options and commands as `RW_META=1` prints them; null until inspected.'),
  warnings: z.array(z.object({ code: z.string(), sentence: z.string(), line: z.number().int().nullable() })),
  substitutions: z.array(Substitution),
  licence: z.object({ spdx: z.string().nullable(), file: z.string() }).nullable(),
})

export const Model = z.object({
  id: z.uuid(),
  owner: z.string(),
  name: z.string(),
  repository: z.string(),
  url: z.url(),
  status: z.enum(modelStates),
  reason: z.string().nullable(),
  title: z.string().nullable(),
  summary: z.string().nullable(),
  keywords: z.array(z.string()),
  license: z.string().nullable().describe('SPDX id, or `LicenseRef-…`; null where none is stated.'),
  visibility: Visibility.describe('The stricter of the repository’s and the chosen one.'),
  branch: z.string(),
  defaultVersion: z.number().int().nullable(),
  defaultPolicy: z.enum(['latest', 'pinned']),
  createdAt: Time,
  updatedAt: Time,
  links: z.array(Link),
  authors: z.array(Author),
  performance: z.array(Performance),
  sources: z
    .record(z.string(), z.enum(sources))
    .describe(
      'Where `title`, `summary`, `overview`, `keywords`, `license`, `links`, `authors` and `performance` come from.',
    ),
  settings: z
    .object({
      name: z.string().nullable().describe('The chosen name; null where it is the repository’s.'),
      archivedBy: z.string().nullable(),
      visibility: Visibility,
      branchRules: z.array(z.string()),
      tagRules: z.array(z.string()),
      viewersSeeVersions: z.boolean(),
      viewersSeeLogs: z.boolean(),
      viewersSeeFiles: z.boolean(),
      substitutionPolicy: SubstitutionPolicy.nullable(),
    })
    .nullable()
    .describe('For publishers.'),
})

export const ListedModel = Model.omit({
  settings: true,
  links: true,
  authors: true,
  performance: true,
  sources: true,
}).extend({
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  sizes: z.array(z.object({ target: Target, size: z.number().int().nullable() })),
  thumbnail: z.url().nullable().describe('The first image of its gallery, 192 by 144.'),
})

const Rendition = z.object({ url: z.url(), width: z.number().int(), height: z.number().int() })

export const GalleryImage = z.object({
  id: z.uuid(),
  alt: z.string().nullable().describe('`null` for a decorative image.'),
  caption: z.string(),
  inputs: z.string(),
  version: z.number().int().nullable(),
  renditions: z.array(Rendition).describe('The same picture in several sizes, the largest first.'),
  addedBy: z.string(),
  createdAt: Time,
})

export const Gallery = z.object({
  items: z.array(GalleryImage),
  nextCursor: z.null(),
  revision: z.string().describe('Changes with every change of the gallery.'),
})

export const RebuildAnswer = z.object({
  kind: z.enum(['attempt', 'version']).describe('Further attempts in the same version, or a new version.'),
  version: z.number().int(),
  targets: z.array(Target),
})

export const CancelAnswer = z.object({ builds: z.number().int().describe('How many builds were stopped or asked to.') })

export const DefaultVersion = z.object({
  policy: z.enum(['latest', 'pinned']),
  version: z.number().int().nullable(),
})

export const Comparison = z.object({
  older: z.number().int(),
  newer: z.number().int(),
  interface: z
    .array(z.object({ class: z.enum(changeClasses), path: z.string(), sentence: z.string() }))
    .nullable()
    .describe('Breaking changes first; null when one of the two was never inspected.'),
  sizes: z.array(z.object({ target: Target, older: z.number().int().nullable(), newer: z.number().int().nullable() })),
  substitutions: z.object({ removed: z.array(Substitution), added: z.array(Substitution) }),
  license: z.object({ older: z.string(), newer: z.string(), changed: z.boolean() }),
  files: z
    .array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'removed', 'changed']),
        olderBytes: z.number().int().nullable(),
        newerBytes: z.number().int().nullable(),
      }),
    )
    .nullable()
    .describe('Source files that differ; null when those of one of the two were not kept.'),
  dependencies: z
    .array(z.object({ name: z.string(), older: z.string().nullable(), newer: z.string().nullable() }))
    .nullable()
    .describe('Packages that the requirements files do not ask for alike.'),
  config: z.boolean().describe('Whether `runway.yml` says something else.'),
  readme: z.boolean().describe('Whether the README differs.'),
})

export const LogLine = z.object({
  number: z.number().int(),
  step: z.string(),
  epoch: z.number().int(),
  stream: z.enum(['stdout', 'stderr', 'note']),
  at: Time,
  text: z.string(),
})

export const Delivery = z.object({
  id: z.uuid(),
  guid: z.string().describe('GitHub’s id of the delivery.'),
  event: z.string(),
  action: z.string().nullable(),
  repository: z.string().nullable(),
  status: z.enum(['received', 'done', 'failed']),
  decision: z.string().nullable(),
  reason: z.string().nullable(),
  tries: z.number().int(),
  version: z.number().int().nullable(),
  receivedAt: Time,
  workedAt: Time.nullable(),
})

export const Change = z.object({
  by: z.enum(changeKinds).describe('A person, the repository on GitHub, or the policy.'),
  login: z.string().nullable(),
  what: z.enum(changedThings),
  from: z.unknown(),
  to: z.unknown(),
  reason: z.string().nullable(),
  at: Time,
})

export const Token = z.object({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(Scope),
  createdAt: Time,
  lastUsedAt: Time.nullable(),
  expiresAt: Time.nullable(),
})

export const NewToken = Token.extend({ token: z.string().describe('Shown this once.') })

export const File = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  size: z.number().int().describe('Bytes.'),
  sha256: z.string(),
  option: z.string().nullable(),
  choice: z.string().nullable(),
  current: z.boolean().describe('False for a file whose place another one took.'),
  uploadedBy: z.string(),
  uploadedAt: Time,
  url: z.url().describe('Redirects to the bytes of exactly this file; answers HEAD and ranges.'),
  placeUrl: z
    .url()
    .nullable()
    .describe('Redirects to whatever file is current in this place; null for an earlier file.'),
  inspection: z
    .object({
      format: z.enum(['pickle', 'torch-zip', 'other']),
      imports: z.array(z.string()).describe('What loading a pickle would import.'),
      complete: z.boolean(),
    })
    .nullable(),
})

export const FilePlace = z.object({
  option: z.string(),
  choice: z.string().nullable(),
  kind: z.enum(['category', 'file', 'directory']),
  description: z.string().nullable(),
  extension: z.string().nullable().describe('What the name of a file for it must end with.'),
})

export const FileUsage = z.object({
  size: z.number().int().describe('Bytes that the publisher’s files take, each content once.'),
  reserved: z.number().int().describe('Bytes of uploads under way.'),
  limit: z.number().int(),
  fileLimit: z.number().int().describe('Bytes of the largest file.'),
})

/** A model's files, and where files belong. */
export const FileList = z.object({
  items: z.array(File),
  nextCursor: z.null(),
  places: z.array(FilePlace).describe('The options of the version that visitors get, and their choices.'),
  usage: FileUsage.nullable().describe('For publishers.'),
})

export const Upload = z.object({
  id: z.uuid(),
  status: z.enum(uploadStates),
  name: z.string(),
  size: z.number().int(),
  option: z.string().nullable(),
  choice: z.string().nullable(),
  startedBy: z.string(),
  lastModified: z.number().int(),
  fingerprint: z.string(),
  partSize: z.number().int().describe('Bytes of every part but the last.'),
  parts: z.number().int().describe('How many there are; numbers begin with 1.'),
  missing: z.array(z.number().int()).optional().describe('Numbers that the object store does not have.'),
  arrived: z.number().int().describe('Bytes that were sent.'),
  verified: z.number().int().describe('Bytes that the server has hashed.'),
  failure: z.object({ code: z.string(), sentence: z.string() }).nullable(),
  file: File.nullable().describe('What it became.'),
  createdAt: Time,
  expiresAt: Time.describe('Each part puts it off by seven days.'),
})

export const BegunUpload = z.object({
  upload: Upload.nullable(),
  file: File.nullable().describe('Set where the content was linked and nothing has to be sent.'),
})

export const SignedPart = z.object({
  number: z.number().int(),
  size: z.number().int().describe('The length that is signed; another one is refused.'),
  url: z.url().describe('Takes one PUT of the part.'),
  expiresAt: Time,
})

// The document

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

export interface Operation {
  method: Method
  /** With `{name}` for parameters. */
  path: string
  id: string
  summary: string
  scope: z.infer<typeof Scope> | null
  query?: z.ZodObject
  body?: z.ZodType
  /** Media types of a body that is a file. */
  upload?: readonly string[]
  answers: Record<number, { description: string; schema?: z.ZodType; types?: string[] }>
}

const listOf = (item: z.ZodType) => z.object({ items: z.array(item), nextCursor: z.string().nullable() })

const FacetCount = z.object({ value: z.string(), count: z.number().int() })

/** A page of the directory. Its counts are of all pages. */
export const ModelList = z.object({
  items: z.array(ListedModel),
  nextCursor: z.string().nullable(),
  total: z.object({ count: z.number().int(), more: z.boolean().describe('There are more than `count`.') }),
  corrected: z.string().nullable().describe('The words that were searched for, where one of `q` was mended.'),
  facets: z
    .object({
      ...(Object.fromEntries(facets.map((facet) => [facet, z.array(FacetCount)])) as Record<
        (typeof facets)[number],
        z.ZodArray<typeof FacetCount>
      >),
      size: z.array(FacetCount),
      about: z.boolean().describe('The counts are estimates, because very many models match.'),
    })
    .nullable()
    .describe('How many models each value would list, its own facet aside; only on the first page.'),
})
const model = '/models/{owner}/{model}'
const version = `${model}/versions/{n}`
const files = `${model}/files`
const upload = `${files}/uploads/{upload}`
const ok = (description: string, schema: z.ZodType) => ({ 200: { description, schema } })

export const operations: Operation[] = [
  {
    method: 'get',
    path: '/models',
    id: 'listModels',
    summary: 'The directory: public models that have a default version',
    scope: null,
    query: ModelsQuery,
    answers: ok('Models, and how many there are of each kind', ModelList),
  },
  {
    method: 'post',
    path: '/models',
    id: 'importModel',
    summary: 'Import a repository and build its head commit',
    scope: 'write',
    body: ImportRequest,
    answers: {
      200: { description: 'It was a model already', schema: Model },
      201: { description: 'The model', schema: Model },
      202: { description: 'Not worked yet; the delivery says how it goes', schema: Delivery },
    },
  },
  { method: 'get', path: model, id: 'getModel', summary: 'A model', scope: null, answers: ok('The model', Model) },
  {
    method: 'patch',
    path: model,
    id: 'changeModel',
    summary: 'Change a model’s settings',
    scope: 'admin',
    body: ModelChange,
    answers: ok('The model', Model),
  },
  {
    method: 'delete',
    path: model,
    id: 'deleteModel',
    summary: 'Delete a model; its repository is not touched',
    scope: 'admin',
    answers: { 204: { description: 'Deleted' } },
  },
  {
    method: 'get',
    path: `${model}/changes`,
    id: 'listChanges',
    summary: 'Who changed what on a model; for its publishers',
    scope: 'read',
    query: ChangesQuery,
    answers: ok('Changes, the newest first', listOf(Change)),
  },
  {
    method: 'get',
    path: `${model}/versions`,
    id: 'listVersions',
    summary: 'A model’s versions; ready ones only for people who may not see all',
    scope: null,
    query: Page,
    answers: ok('Versions, the newest first', listOf(VersionSummary)),
  },
  {
    method: 'get',
    path: version,
    id: 'getVersion',
    summary: 'A version with its manifest, substitutions and builds',
    scope: null,
    answers: ok('The version', Version),
  },
  {
    method: 'patch',
    path: version,
    id: 'changeVersion',
    summary: 'Yank a version, or offer it again',
    scope: 'write',
    body: VersionChange,
    answers: ok('The version', Version),
  },
  {
    method: 'post',
    path: `${version}/rebuild`,
    id: 'rebuildVersion',
    summary: 'Build again: targets without an image in place, a ready version under a new number',
    scope: 'write',
    body: RebuildRequest,
    answers: { 202: { description: 'What was begun', schema: RebuildAnswer } },
  },
  {
    method: 'post',
    path: `${version}/cancel`,
    id: 'cancelVersion',
    summary: 'Cancel the builds of a version that wait or run',
    scope: 'write',
    answers: { 202: { description: 'How many', schema: CancelAnswer } },
  },
  {
    method: 'get',
    path: `${model}/compare/{range}`,
    id: 'compareVersions',
    summary: 'What differs between two versions, `2...5`, always from the older to the newer',
    scope: null,
    answers: ok('The differences', Comparison),
  },
  {
    method: 'get',
    path: `${version}/builds/{target}/log`,
    id: 'getLog',
    summary: 'A build’s log: a file, pages of JSON, or followed',
    scope: null,
    query: LogQuery,
    answers: {
      200: {
        description: 'The log',
        schema: listOf(LogLine),
        types: ['text/plain', 'application/jsonl', 'text/event-stream', 'application/json'],
      },
    },
  },
  {
    method: 'get',
    path: `${model}/gallery`,
    id: 'getGallery',
    summary: 'A model’s images',
    scope: null,
    answers: ok('The images in their order', Gallery),
  },
  {
    method: 'post',
    path: `${model}/gallery`,
    id: 'addImage',
    summary: 'Send an image of at most 8 MB; it is re-encoded, and shown once the gallery lists it',
    scope: 'write',
    upload: galleryTypes,
    answers: { 201: { description: 'The image, not listed yet', schema: GalleryImage } },
  },
  {
    method: 'put',
    path: `${model}/gallery`,
    id: 'setGallery',
    summary: 'Say which images are in the gallery, in which order and with which words',
    scope: 'write',
    body: GalleryRequest,
    answers: ok('The gallery', Gallery),
  },
  {
    method: 'get',
    path: `${model}/default-version`,
    id: 'getDefaultVersion',
    summary: 'What visitors get, and by which policy',
    scope: null,
    answers: ok('The default version', DefaultVersion),
  },
  {
    method: 'put',
    path: `${model}/default-version`,
    id: 'setDefaultVersion',
    summary: 'Pin a version as the default, or follow the latest ready one',
    scope: 'write',
    body: DefaultVersionRequest,
    answers: ok('The default version', DefaultVersion),
  },
  {
    method: 'get',
    path: files,
    id: 'listFiles',
    summary: 'A model’s checkpoints and other files, and the places that its options have for them',
    scope: null,
    query: FilesQuery,
    answers: ok('Files, by option, choice and name', FileList),
  },
  {
    method: 'post',
    path: files,
    id: 'beginUpload',
    summary: 'Begin an upload, or go on with the one of the same file for the same place',
    scope: 'files',
    body: UploadRequest,
    answers: {
      200: { description: 'The upload that was under way', schema: BegunUpload },
      201: { description: 'A new upload; or the file, where its content was linked', schema: BegunUpload },
    },
  },
  {
    method: 'get',
    path: `${files}/{file}`,
    id: 'getFile',
    summary: 'A file',
    scope: null,
    answers: ok('The file', File),
  },
  {
    method: 'patch',
    path: `${files}/{file}`,
    id: 'changeFile',
    summary: 'Rename or describe a file',
    scope: 'files',
    body: FileChange,
    answers: ok('The file', File),
  },
  {
    method: 'delete',
    path: `${files}/{file}`,
    id: 'deleteFile',
    summary: 'Remove a file',
    scope: 'files',
    answers: { 204: { description: 'Removed' } },
  },
  {
    method: 'get',
    path: `${files}/uploads`,
    id: 'listUploads',
    summary: 'Uploads that are under way or ended in the last day',
    scope: 'files',
    answers: ok('Uploads, the newest first', listOf(Upload)),
  },
  {
    method: 'get',
    path: upload,
    id: 'getUpload',
    summary: 'An upload, and the parts that are missing',
    scope: 'files',
    answers: ok('The upload', Upload),
  },
  {
    method: 'delete',
    path: upload,
    id: 'cancelUpload',
    summary: 'End an upload and forget its parts',
    scope: 'files',
    answers: { 204: { description: 'Ended' } },
  },
  {
    method: 'post',
    path: `${upload}/parts`,
    id: 'signParts',
    summary: 'URLs under which parts are sent to the object store, good for 15 minutes',
    scope: 'files',
    body: PartsRequest,
    answers: ok('A URL for each part', listOf(SignedPart)),
  },
  {
    method: 'put',
    path: `${upload}/parts`,
    id: 'noteParts',
    summary: 'Say that parts have arrived, for the progress that others see; what counts is what the store has',
    scope: 'files',
    body: ArrivedRequest,
    answers: { 204: { description: 'Noted; the upload now has seven days again' } },
  },
  {
    method: 'put',
    path: `${upload}/parts/{part}`,
    id: 'notePart',
    summary: 'Say that a part has arrived, for the progress that others see; what counts is what the store has',
    scope: 'files',
    answers: { 204: { description: 'Noted; the upload now has seven days again' } },
  },
  {
    method: 'post',
    path: `${upload}/complete`,
    id: 'completeUpload',
    summary: 'Say that all parts are there; the server then verifies the whole and puts the file in its place',
    scope: 'files',
    body: CompleteRequest,
    answers: { 202: { description: 'It is being verified', schema: Upload } },
  },
  {
    method: 'get',
    path: '/deliveries',
    id: 'listDeliveries',
    summary: 'What happened to each push to a model’s repository, with reasons',
    scope: 'read',
    query: DeliveriesQuery,
    answers: ok('Deliveries, the newest first', listOf(Delivery)),
  },
  {
    method: 'get',
    path: '/deliveries/{id}',
    id: 'getDelivery',
    summary: 'One delivery',
    scope: 'read',
    answers: ok('The delivery', Delivery),
  },
  {
    method: 'post',
    path: '/deliveries/{id}/redeliver',
    id: 'redeliver',
    summary: 'Work a delivery again',
    scope: 'write',
    answers: { 202: { description: 'The delivery, opened again', schema: Delivery } },
  },
  {
    method: 'get',
    path: '/tokens',
    id: 'listTokens',
    summary: 'Your API tokens',
    scope: 'admin',
    answers: ok('Tokens without their secrets', listOf(Token)),
  },
  {
    method: 'post',
    path: '/tokens',
    id: 'createToken',
    summary: 'Make an API token',
    scope: 'admin',
    body: TokenRequest,
    answers: { 201: { description: 'The token; its secret is shown this once', schema: NewToken } },
  },
  {
    method: 'delete',
    path: '/tokens/{id}',
    id: 'revokeToken',
    summary: 'Revoke an API token',
    scope: 'admin',
    answers: { 204: { description: 'Revoked' } },
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'getOpenApi',
    summary: 'This document',
    scope: null,
    answers: { 200: { description: 'OpenAPI 3.1' } },
  },
]

const components = {
  Problem,
  Model,
  ListedModel,
  ModelList,
  VersionSummary,
  Version,
  Comparison,
  Change,
  Build,
  GalleryImage,
  Gallery,
  Delivery,
  Token,
  NewToken,
  LogLine,
  File,
  FileList,
  Upload,
  SignedPart,
}

/** The OpenAPI 3.1 document of /api/v1. */
export function openApiDocument(siteUrl: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of operations) {
    paths[operation.path] ??= {}
    paths[operation.path]![operation.method] = describe(operation)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Modelport',
      version: '1',
      description:
        'Models, versions and builds of this installation. What may not be seen answers 404, as if it did not exist.',
    },
    servers: [{ url: `${siteUrl}/api/v1` }],
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API token, `mp_…`' } },
      schemas: Object.fromEntries(Object.entries(components).map(([name, schema]) => [name, jsonSchema(schema)])),
      responses: {
        Problem: {
          description: 'What is wrong',
          content: { 'application/problem+json': { schema: reference('Problem') } },
        },
      },
    },
  }
}

function describe(operation: Operation) {
  const parameters = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema:
      name === 'n'
        ? { type: 'integer', minimum: 1 }
        : name === 'target'
          ? { enum: ['cpu', 'gpu'] }
          : name === 'part'
            ? { type: 'integer', minimum: 1, maximum: 10_000 }
            : { type: 'string' },
  }))
  const query = Object.entries(operation.query?.shape ?? {}).map(([name, schema]) => {
    const described = jsonSchema(schema as z.ZodType, 'input') as { description?: string }
    const { description, ...rest } = described
    return {
      name,
      in: 'query',
      required: !(schema as z.ZodType).safeParse(undefined).success,
      description,
      schema: rest,
    }
  })
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(operation.scope ? { security: [{ token: [] }], description: `Needs the scope \`${operation.scope}\`.` } : {}),
    parameters: [...parameters, ...query],
    ...(operation.body
      ? {
          requestBody: {
            required: !operation.body.safeParse({}).success,
            content: { 'application/json': { schema: jsonSchema(operation.body, 'input') } },
          },
        }
      : {}),
    ...(operation.upload
      ? {
          requestBody: {
            required: true,
            content: Object.fromEntries(operation.upload.map((type) => [type, { schema: {} }])),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(Object.entries(operation.answers).map(([status, answer]) => [status, answerOf(answer)])),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function answerOf({ description, schema, types = ['application/json'] }: Operation['answers'][number]) {
  if (!schema) return { description }
  const content = types.map((type) => [type, { schema: type.endsWith('json') ? schemaOf(schema) : { type: 'string' } }])
  return { description, content: Object.fromEntries(content) }
}

/** A named schema by reference, a list of one likewise, any other in place. */
function schemaOf(schema: z.ZodType): unknown {
  const name = nameOf(schema)
  if (name) return reference(name)
  const items = schema instanceof z.ZodObject ? schema.shape.items : undefined
  if (items instanceof z.ZodArray) {
    const item = nameOf(items.element as z.ZodType)
    if (item)
      return {
        type: 'object',
        required: ['items', 'nextCursor'],
        properties: { items: { type: 'array', items: reference(item) }, nextCursor: { type: ['string', 'null'] } },
      }
  }
  return jsonSchema(schema)
}

const nameOf = (schema: z.ZodType) => Object.entries(components).find(([, known]) => known === schema)?.[0]
const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })

function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'output') {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
