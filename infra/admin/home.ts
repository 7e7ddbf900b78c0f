import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** MODELPORT_HOME, else `.modelport` in the repository. */
export function localHome(): string {
  return resolve(process.env.MODELPORT_HOME || join(fileURLToPath(import.meta.url), '../../../.modelport'))
}
