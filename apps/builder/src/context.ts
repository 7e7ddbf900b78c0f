import type { Database } from '@modelport/db/client'
import type { Lease } from '@modelport/db/queries/builds'
import type { Catalogue, CatalogueEntry } from '@modelport/schema/catalogue'
import type { Storage } from '@modelport/storage/storage'
import type { BaseImage } from './bases/make-base.ts'
import type { ConfigReader } from './build/parse-config-process.ts'
import type { BuildRequest, PushedImage } from './build/run-build.ts'
import type { WorkerConfig } from './config.ts'
import type { BuildDriver } from './engine/build-driver.ts'
import type { Inspection } from './engine/inspect-image.ts'
import type { GithubClients } from './github/github-client.ts'
import type { Logger } from './log.ts'

/** The outside of the worker, made once from its config. */
export interface WorkerContext {
  /** Names this process in leases. */
  name: string
  config: WorkerConfig
  log: Logger
  database: Database
  github: GithubClients
  catalogue: Catalogue
  /** Reads a `runway.yml` in a process of its own. */
  parseConfig: ConfigReader['parse']
  driver: BuildDriver
  ensureBase(entry: CatalogueEntry, onProgress: (line: string) => void, signal: AbortSignal): Promise<BaseImage>
  /** What the front of pip noted in an image; empty when it noted nothing. */
  readSubstitutionRecord(imageId: string, lease: Lease, signal: AbortSignal): Promise<string>
  inspectImage(imageId: string, lease: Lease, signal: AbortSignal): Promise<Inspection>
  pushImage(imageId: string, request: BuildRequest, signal: AbortSignal): Promise<PushedImage>
  /** Lets go of what a build left in the engine under a passing name. */
  releaseImages(build: { buildId: string; epoch: number; target: string }): Promise<void>
  /** Where uploaded files are; null where the operator named no object store. */
  storage: Storage | null
  /** Called with a build's id when somebody asked to cancel it. */
  cancellations: Set<(buildId: string) => void>
  /** Aborts when the process is asked to stop. */
  stopping: AbortSignal
}
