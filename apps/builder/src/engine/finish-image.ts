import { imageCommand } from '../build/image-command.ts'
import type { BuildImageRequest } from './build-driver.ts'
import { type Engine, labels, removing } from './engine.ts'
import { stagingReference } from './image-names.ts'

/** Labels of all that a build makes in the engine, by which the reaper knows it. */
export function buildLabels(engine: Engine, request: BuildImageRequest): Record<string, string> {
  return {
    [labels.installation]: engine.installation,
    [labels.build]: request.buildId,
    [labels.epoch]: String(request.epoch),
    [labels.purpose]: 'build',
  }
}

/**
 * Commits the image that people run, under its staging name: its command, environment and labels, which no layer below
 * may carry. The values go to the engine as JSON, where no word of the publisher's can become anything else.
 */
export async function finishImage(engine: Engine, request: BuildImageRequest, from: string): Promise<string> {
  const [repo, tag] = stagingReference(request).split(':') as [string, string]
  const container = await engine.docker.createContainer({
    Image: from,
    Entrypoint: [],
    Cmd: imageCommand(request.plan.entrypoint),
    Env: Object.entries(request.plan.env).map(([name, value]) => `${name}=${value}`),
    User: '',
    WorkingDir: '/model',
    // Scope labels were inherited from the layers; a label can be emptied but not removed.
    Labels: { ...request.labels, [labels.scope]: '', ...buildLabels(engine, request) },
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } },
  })
  try {
    const committed = await container.commit({
      _query: { container: container.id, repo, tag, pause: 'false' },
      // A container that somebody runs from it inherits this, and is none of the build's, which the reaper removes.
      _body: { Labels: { [labels.purpose]: 'image' } },
    })
    return committed.Id
  } finally {
    await removing(container.remove({ force: true, v: true }))
  }
}
