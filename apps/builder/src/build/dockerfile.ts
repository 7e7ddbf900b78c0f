import { PublisherError } from './build-error.ts'
import { imageCommand } from './image-command.ts'
import type { ImagePlan, PlanLayer } from './plan.ts'

/** The two directories of the build context: no name from the repository stands in the Dockerfile or beside it. */
export const contextFolders = { hoisted: 'hoisted', project: 'project' } as const

/** Where the project lies in the image. */
export const projectDirectory = '/model'

/** The engine's Dockerfile scanner stops at a line of this many bytes. */
const maxLineBytes = 65_535

/**
 * Renders a plan for the classic builder and BuildKit. Texts of the repository appear only inside JSON arrays, in ASCII and
 * without `<`, so that none can become an instruction, a heredoc, a directive or a path.
 */
export function renderDockerfile(plan: ImagePlan, base: string): string {
  if (!/^[a-z0-9][a-z0-9._/:@-]{0,299}$/.test(base)) throw new Error(`not an image reference: ${JSON.stringify(base)}`)
  const { GPU, ...finalEnv } = plan.env
  const lines = [
    // A constant first line: nothing that follows can be taken for a parser directive.
    '# Rendered from an image plan.',
    `FROM ${base}`,
    `WORKDIR ${projectDirectory}`,
    // Steps may look for it; the driver's own variables come last, so that no step is handed a device.
    ...(GPU === undefined ? [] : [env('GPU', GPU)]),
    ...plan.layers.map(renderLayer),
    ...Object.entries(finalEnv).map(([name, value]) => env(name, value)),
    `CMD ${json(imageCommand(plan.entrypoint))}`,
  ]
  const long = lines.findIndex((line) => line.length > maxLineBytes)
  if (long !== -1) throw tooLong(plan, lines[long]!)
  return `${lines.join('\n')}\n`
}

function renderLayer(layer: PlanLayer): string {
  switch (layer.kind) {
    case 'copy-files':
      return `COPY ${json([`${contextFolders.hoisted}/`, `${projectDirectory}/`])}`
    case 'copy-project':
      return `COPY ${json([`${contextFolders.project}/`, `${projectDirectory}/`])}`
    case 'step':
      return `RUN ${json(['/bin/sh', '-c', layer.text])}`
  }
}

function env(name: string, value: string): string {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name) || !/^[A-Za-z0-9.,:_-]*$/.test(value)) {
    throw new Error(`not a plain environment variable: ${JSON.stringify({ name, value })}`)
  }
  return `ENV ${name}=${value}`
}

/** ASCII only, and `<` escaped: BuildKit looks for heredocs in the raw line. */
function json(words: readonly string[]): string {
  return JSON.stringify(words).replace(
    /[<\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function tooLong(plan: ImagePlan, line: string): PublisherError {
  const layer = plan.layers.find((candidate) => candidate.kind === 'step' && renderLayer(candidate) === line)
  const step = layer?.kind === 'step' ? `build:${layer.number}` : 'config'
  return new PublisherError(
    'build/command-too-long',
    `A command has more than ${maxLineBytes} bytes in the Dockerfile; move it into a script of the repository and call that.`,
    { step, file: 'runway.yml' },
  )
}
