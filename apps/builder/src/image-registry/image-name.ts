/**
 * The repository of a model's images. It is made of the model's id and never of what a publisher wrote,
 * so that a rename moves nothing and no name can be crafted.
 */
export function imageRepository(modelId: string): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(modelId) || modelId.length > 100) {
    throw new Error(`A model id cannot name an image: ${JSON.stringify(modelId)}`)
  }
  return `models/${modelId}`
}

/** The tag that people read: `v3-gpu`. Digests, not tags, decide what is run. */
export function imageTag(version: number, target: 'cpu' | 'gpu'): string {
  return `v${version}-${target}`
}
