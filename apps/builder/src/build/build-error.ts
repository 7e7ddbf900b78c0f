import type { Failure } from '@modelport/schema/words'

type Place = Partial<Pick<Failure, 'step' | 'file' | 'line' | 'exitCode' | 'outOfMemory' | 'also'>>

/** The root of everything that ends a build. Carries what the `Failure` of the build's row needs. */
export abstract class BuildError extends Error {
  constructor(
    readonly code: string,
    readonly sentence: string,
    readonly place: Place = {},
    options?: { cause?: unknown },
  ) {
    super(`${code}: ${sentence}`, options)
    this.name = new.target.name
  }
}

/** The publisher can mend it: the sentence is shown to them and the build is not tried again. */
export class PublisherError extends BuildError {}

/** Ours to mend: tried again, logged with its cause, generic words outside. */
export class PlatformError extends BuildError {}

/** The build reached its time limit; the publisher's to mend. */
export class TimedOut extends BuildError {}

/** Somebody asked for it, or a newer push took its place; neither success nor failure. */
export class Cancelled extends BuildError {}

/** Another worker holds the build now: stop without writing anything. */
export class LeaseLost extends Error {}
