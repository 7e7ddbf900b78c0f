/** Something that keeps the local stack from running; its message is one sentence or two for the person who started it. */
export class StackError extends Error {
  override name = 'StackError'
}
