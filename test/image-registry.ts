import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startImageRegistry } from '@modelport/infra/local/image-registry'
import { freePorts } from '@modelport/infra/local/ports'
import { silentReport } from '@modelport/infra/local/report'

/**
 * One image registry for a run of the end-to-end tests. A base image is hundreds of megabytes, and the engine sends a layer
 * once to each registry; worlds do not meet in it, because every model's images have a name of their own.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'modelport-test-images-'))
  const logs = join(home, 'logs')
  mkdirSync(logs)
  const { imagePush: port } = await freePorts()
  const hooks = { report: silentReport, processChanged() {} }
  const { host, child } = await startImageRegistry({ home, logs, port, secret: 'of a test', hooks })
  if (host) process.env.TEST_IMAGE_REGISTRY = host
  return async () => {
    await child?.stop()
    rmSync(home, { recursive: true, force: true })
  }
}
