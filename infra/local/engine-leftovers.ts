import Docker from 'dockerode'

/**
 * Removes the containers and networks of an installation from the engine: the egress proxy, and what a build that was
 * stopped left. Images stay: published ones are wanted, and cached layers make the next build quick.
 */
export async function clearEngine(socketPath: string, installationId: string): Promise<void> {
  const docker = new Docker({ socketPath, timeout: 30_000 })
  const filters = { label: [`modelport.installation=${installationId}`] }
  const containers = await listed(() => docker.listContainers({ all: true, filters }))
  await Promise.all(containers.map((each) => gone(docker.getContainer(each.Id).remove({ force: true, v: true }))))
  const networks = await docker.listNetworks({ filters })
  await Promise.all(networks.map((each) => gone(docker.getNetwork(each.Id).remove())))
}

/** Engine 20.10 answers 404 for a whole list when one of its containers is removed meanwhile; it is asked again. */
async function listed<Item>(list: () => Promise<Item[]>, tries = 5): Promise<Item[]> {
  return list().catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 404 || tries === 1) throw error
    return listed(list, tries - 1)
  })
}

/** What is gone already, or is being removed by the worker that just stopped, is as good as removed. */
async function gone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 404 && error.statusCode !== 409) throw error
  })
}
