/** Why something asked for is not done; the message is a sentence for whoever asked. Edges turn it into a page or an answer. */
export class Refusal extends Error {
  constructor(
    readonly kind: 'sign-in' | 'hidden' | 'forbidden' | 'unavailable' | 'invalid' | 'conflict',
    message: string,
    /** A stable name of the reason, for programs. */
    readonly code?: string,
  ) {
    super(message)
  }
}

// One sentence for what does not exist and for what this person may not know of: the two must not be told apart.
export const hidden = () => new Refusal('hidden', 'There is nothing at this address that you may see.')
