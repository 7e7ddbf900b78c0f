import { z } from 'zod'

/** One base image that an installation can use: a (Python, CUDA or none) pair and how it is had. */
export const CatalogueEntry = z.strictObject({
  /** Stable id, for example `debian-bookworm-3.11-cuda11.8-math`. */
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/),
  /** Python as written, major.minor: `3.11`. */
  python: z.string().regex(/^3\.\d{1,2}$/),
  /** CUDA as written, major.minor: `11.8`; null for a CPU entry. */
  cuda: z
    .string()
    .regex(/^\d{1,2}\.\d$/)
    .nullable(),
  /** Whether a GPU entry carries CUDA's mathematical libraries; such an entry is chosen when `framework` is set. */
  math: z.boolean().default(false),
  /** The framework that is installed in it, with its version; `cuda` is false when it cannot use a GPU. */
  framework: z
    .strictObject({
      name: z.enum(['tensorflow', 'pytorch']),
      version: z.string().regex(/^[0-9][0-9A-Za-z.+]{0,30}$/),
      cuda: z.boolean().default(false),
    })
    .nullable()
    .default(null),
  /** `devel` entries carry a compiler. */
  flavor: z.enum(['runtime', 'devel']).default('runtime'),
  /** `available`: can be built or pulled; `operator-mirror`: only from a mirror that the operator names; `gone`: deleted upstream. */
  state: z.enum(['available', 'operator-mirror', 'gone']),
  /** How the image is made: a Debian suite with packages, or a public image with lines of a recipe. */
  source: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('debian'),
      suite: z.enum(['bullseye', 'bookworm', 'trixie']),
      packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/)),
    }),
    z.strictObject({
      kind: z.literal('image'),
      /** What `FROM` names; the digest is recorded at the first pull. */
      reference: z.string().regex(/^[a-z0-9][a-z0-9._/:@-]{0,299}$/),
      /** Dockerfile instructions below `FROM`, one per line. */
      recipe: z.array(z.string().regex(/^(RUN|ENV|COPY|WORKDIR) [^\r\n]+$/)),
    }),
  ]),
  /** What is pre-installed beyond Python, for the page. */
  notes: z.array(z.string()).default([]),
})
export type CatalogueEntry = z.infer<typeof CatalogueEntry>

/** The base images that an installation can use. */
export const Catalogue = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,40}$/),
  entries: z.array(CatalogueEntry).min(1),
})
export type Catalogue = z.infer<typeof Catalogue>
