import type { Target } from '@modelport/schema/words'

/** One pattern of `files.ignore` and how many of the project's files it dropped. */
export interface IgnoredFiles {
  pattern: string
  files: number
}

/** One layer of the image above its base, in the order in which the driver makes them. */
export type PlanLayer =
  /** Copies exactly these project files (relative paths), so that hoisted steps can read them. */
  | { kind: 'copy-files'; files: string[] }
  /** Copies every project file that `files.ignore` left. */
  | { kind: 'copy-project' }
  /** Runs one build step: `text` is handed to `/bin/sh -c` as one argument. `number` counts the steps of this target from 1. */
  | { kind: 'step'; number: number; text: string; hoisted: boolean }

/** What to do to make one image, as plain data: no clock, no disk and no Docker went into it. */
export interface ImagePlan {
  target: Target
  /** Relative paths of the project's files that go into the image, sorted. Directories that `dir/*` emptied are in `emptyDirectories`. */
  files: string[]
  emptyDirectories: string[]
  ignored: IgnoredFiles[]
  layers: PlanLayer[]
  /** A shell string; `imageCommand` makes the image's CMD from it. */
  entrypoint: string
  /** Environment of the finished image (not of the build steps): `RW_PORT`, and `GPU` with the driver's variables on GPU. */
  env: Record<string, string>
}
