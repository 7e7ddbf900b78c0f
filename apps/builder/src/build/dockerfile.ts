import type { SubstitutionPolicy } from '@modelport/schema/words'
import { PublisherError } from './build-error.ts'
import { imageCommand } from './image-command.ts'
import type { ImagePlan, PlanLayer } from './plan.ts'

/** The two directories of the build context: no name from the repository stands in the Dockerfile or beside it. */
export const contextFolders = { hoisted: 'hoisted', project: 'project' } as const

/** Where the project lies in the image. */
export const projectDirectory = '/model'

/** The program of every base that runs a step: `infra/bases/rootfs/opt/modelport/step`. */
export const stepProgram = '/opt/modelport/step'

/** The engine's Dockerfile scanner stops at a line of this many bytes. */
const maxLineBytes = 65_535

/** What one of the engine's own builders needs beyond the plan. */
export interface BuilderLines {
  /** Labels of every layer and of every container that makes one: plain words only. */
  labels: Record<string, string>
  /**
   * Hexadecimal digits that no other publisher's build has. They stand in the first instruction that makes a layer, and
   * the engine finds a layer again only above the same layer: so caches that are one for the engine are never shared.
   */
  scope: string
  /** Seconds after which a step is ended from inside, should the worker be gone. */
  stepSeconds: number
  /** What the front of pip may do in the steps. */
  substitutionPolicy: SubstitutionPolicy
}

/** The lines of a Dockerfile, without the newlines; each of `layers` makes one layer of the plan. */
export interface DockerfileLines {
  before: string[]
  layers: string[]
  after: string[]
}

/**
 * Renders a plan for the classic builder and BuildKit, or, without `builder`, for people to read. Texts of the repository
 * appear only inside JSON arrays, in ASCII and without `<`, so that none can become an instruction, a heredoc, a directive
 * or a path.
 */
export function renderDockerfile(plan: ImagePlan, base: string, builder?: BuilderLines): string {
  const { before, layers, after } = dockerfileLines(plan, base, builder)
  return `${[...before, ...layers, ...after].join('\n')}\n`
}

/** Like `renderDockerfile`, for who must find the plan's layers again among the instructions. */
export function dockerfileLines(plan: ImagePlan, base: string, builder?: BuilderLines): DockerfileLines {
  if (!/^[a-z0-9][a-z0-9._/:@-]{0,299}$/.test(base)) throw new Error(`not an image reference: ${JSON.stringify(base)}`)
  const { GPU, ...finalEnv } = plan.env
  const before = [
    // A constant first line: nothing that follows can be taken for a parser directive.
    '# Rendered from an image plan.',
    `FROM ${base}`,
    ...(builder ? builderLines(builder) : []),
    `WORKDIR ${projectDirectory}`,
    // Steps may look for it; the driver's own variables come last, so that no step is handed a device.
    ...(GPU === undefined ? [] : [env('GPU', GPU)]),
  ]
  const layers = plan.layers.map((layer) => renderLayer(layer, plan.target, builder))
  const after = [
    ...Object.entries(finalEnv).map(([name, value]) => env(name, value)),
    `CMD ${json(imageCommand(plan.entrypoint))}`,
  ]
  const long = [...layers, ...after].findIndex((line) => line.length > maxLineBytes)
  if (long !== -1) throw tooLong(plan.layers[long])
  return { before, layers, after }
}

function renderLayer(layer: PlanLayer, target: string, builder?: BuilderLines): string {
  switch (layer.kind) {
    case 'copy-files':
      return `COPY ${json([`${contextFolders.hoisted}/`, `${projectDirectory}/`])}`
    case 'copy-project':
      return `COPY ${json([`${contextFolders.project}/`, `${projectDirectory}/`])}`
    case 'step':
      return builder
        ? `RUN ${json([
            stepProgram,
            String(builder.stepSeconds),
            target,
            builder.substitutionPolicy,
            String(layer.number),
            layer.text,
          ])}`
        : `RUN ${json(['/bin/sh', '-c', layer.text])}`
  }
}

function builderLines({ labels, scope }: BuilderLines): string[] {
  const pairs = Object.entries(labels).map(([name, value]) => {
    if (!/^[a-z.]+$/.test(name) || !/^[a-z0-9-]*$/.test(value)) throw new Error(`not a plain label: ${name}=${value}`)
    return ` ${name}=${value}`
  })
  if (!/^[0-9a-f]{64}$/.test(scope)) throw new Error(`not a scope: ${JSON.stringify(scope)}`)
  // BuildKit keys its cache by what makes files, of which a label is no part; hence a step that does nothing.
  return [`LABEL${pairs.join('')}`, `RUN ${json(['/bin/sh', '-c', `: cache scope ${scope}`])}`]
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

function tooLong(layer: PlanLayer | undefined): PublisherError {
  return new PublisherError(
    'build/command-too-long',
    `A command has more than ${maxLineBytes} bytes in the Dockerfile; move it into a script of the repository and call that.`,
    { step: layer?.kind === 'step' ? `build:${layer.number}` : 'config', file: 'runway.yml' },
  )
}
