import { type Storage, StorageError } from '@modelport/storage/storage'
import { Refusal } from '#src/auth/refusal.ts'
import { context } from '#src/context.ts'

/** Asks the object store; where there is none, or it does not answer, that is a `Refusal` that says so. */
export async function askStore<T>(ask: (storage: Storage) => Promise<T>): Promise<T> {
  const { storage } = context()
  if (!storage) throw new Refusal('unavailable', 'This installation has no object store, so it keeps no files.')
  try {
    return await ask(storage)
  } catch (error) {
    if (error instanceof StorageError || error instanceof RangeError) throw error
    console.error('The object store could not be asked.', error)
    throw new Refusal('unavailable', 'The object store does not answer. Try again in a minute.', 'files/store-down')
  }
}
