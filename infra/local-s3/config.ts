import { resolve } from 'node:path'
import { z } from 'zod'
import type { Credentials } from './signature.ts'

/** Everything the local S3 server can be told. */
export interface LocalS3Config extends Credentials {
  host: string
  /** 0 picks a free one. */
  port: number
  /** The folder that holds all objects. One server at a time has it. */
  dir: string
  /** Is made at the start when it is not there. */
  bucket: string
  /** Sites whose pages may talk to the bucket, such as `http://127.0.0.1:3000`; empty leaves the bucket's rules as they are. */
  corsOrigins: string[]
  /** How long an upload may stay unfinished, in milliseconds. */
  uploadLifeMs: number
}

const environment = z.object({
  LOCAL_S3_HOST: z.string().min(1).default('127.0.0.1'),
  LOCAL_S3_PORT: z.coerce.number().int().min(0).max(65535).default(3060),
  LOCAL_S3_DIR: z.string().min(1),
  LOCAL_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
    .default('modelport'),
  LOCAL_S3_CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(/[\s,]+/).filter(Boolean)),
  // Our own sessions last 7 days; what is older than this belongs to none.
  LOCAL_S3_UPLOAD_DAYS: z.coerce.number().positive().default(8),
  S3_ACCESS_KEY_ID: z.string().min(1),
  S3_SECRET_ACCESS_KEY: z.string().min(8),
})

/** Turns the environment into settings, or throws one sentence that says what to change. */
export function readConfig(env: NodeJS.ProcessEnv): LocalS3Config {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    // Only the rule is repeated, never the value: some of these are secrets.
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`The local S3 server cannot start with these settings. ${faults.join('; ')}.`)
  }
  const e = parsed.data
  return {
    host: e.LOCAL_S3_HOST,
    port: e.LOCAL_S3_PORT,
    dir: resolve(e.LOCAL_S3_DIR),
    bucket: e.LOCAL_S3_BUCKET,
    corsOrigins: e.LOCAL_S3_CORS_ORIGINS,
    uploadLifeMs: e.LOCAL_S3_UPLOAD_DAYS * 24 * 3600_000,
    accessKeyId: e.S3_ACCESS_KEY_ID,
    secretAccessKey: e.S3_SECRET_ACCESS_KEY,
  }
}
