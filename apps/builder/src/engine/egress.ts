import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { EgressPolicy } from './build-driver.ts'
import { type Engine, engineStatus, labels, listContainers, removing } from './engine.ts'

/** How the builds of an installation reach the outside. */
export interface EgressConfig {
  /** Gives the id of an image that holds `/opt/modelport/egress.py`: any base. Asked when a proxy must be started. */
  image: () => Promise<string>
  /** Networks that count as public, as `address/bits`: a package mirror with a private address. */
  allowNets: string[]
  /** Hosts of the policy `packages`; `.example.org` stands for all names below it too. */
  allowHosts: string[]
  /** `host:port` of the operator's own proxy; null connects directly. */
  upstream: string | null
  /** Bytes, both ways together, that one build may move. */
  maxBuildBytes: number
  /** The first two numbers of the /16 that build networks are cut from, for example `10.213`. */
  subnetPrefix: string
}

/** A network of one build: nothing is on it but the build's step and the proxy. */
export interface BuildNetwork {
  name: string
  /** The proxy's address on it; it listens on port 3128. */
  proxyAddress: string
  /** The proxy's container, which runs. */
  proxyContainer: string
  /** Takes the network away, whatever still hangs on it. */
  close(): Promise<void>
}

/** Makes a network for one build and puts the installation's proxy on it, starting the proxy when it does not run. */
export async function openBuildNetwork(
  engine: Engine,
  config: EgressConfig,
  policy: EgressPolicy,
  owner: { buildId: string; epoch: number; target: string },
): Promise<BuildNetwork> {
  const proxy = await ensureProxy(engine, config, policy)
  const id = await createNetwork(engine, config, owner)
  const network = engine.docker.getNetwork(id)
  const close = async () => {
    const attached = await network.inspect().catch(() => null)
    for (const container of Object.keys(attached?.Containers ?? {})) {
      await removing(network.disconnect({ Container: container, Force: true }))
    }
    await removing(network.remove())
  }
  try {
    await network.connect({ Container: proxy })
    const state = await engine.docker.getContainer(proxy).inspect()
    const { Name } = await network.inspect()
    const proxyAddress = state.NetworkSettings.Networks[Name]?.IPAddress
    if (!proxyAddress) throw new Error('The egress proxy has no address on the network of the build.')
    return { name: Name, proxyAddress, proxyContainer: proxy, close }
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}

/**
 * The address of the proxy on the engine's default network, for a builder that takes no network of ours. What runs there
 * may use the proxy and is not kept to it.
 */
export async function proxyOnDefaultNetwork(
  engine: Engine,
  config: EgressConfig,
  policy: EgressPolicy,
): Promise<string> {
  const state = await engine.docker.getContainer(await ensureProxy(engine, config, policy)).inspect()
  const address = state.NetworkSettings.Networks.bridge?.IPAddress
  if (!address) throw new Error('The egress proxy has no address on the default network.')
  return address
}

/** Removes the proxies of this installation; builds that still run lose their way out. */
export async function stopEgress(engine: Engine): Promise<void> {
  const found = await listContainers(engine, {
    all: true,
    filters: { label: [`${labels.installation}=${engine.installation}`, `${labels.purpose}=egress`] },
  })
  for (const { Id } of found) await removing(engine.docker.getContainer(Id).remove({ force: true }))
}

async function ensureProxy(engine: Engine, config: EgressConfig, policy: EgressPolicy): Promise<string> {
  const Image = await config.image()
  const Env = [
    `POLICY=${policy}`,
    `ALLOW_HOSTS=${config.allowHosts.join(',')}`,
    `ALLOW_NETS=${config.allowNets.join(',')}`,
    `UPSTREAM=${config.upstream ?? ''}`,
    `MAX_CLIENT_BYTES=${config.maxBuildBytes}`,
    'PYTHONDONTWRITEBYTECODE=1',
  ]
  // A changed setting or base is another proxy; the old one serves its running builds to their end.
  const hash = createHash('sha256')
    .update(JSON.stringify([Image, Env]))
    .digest('hex')
    .slice(0, 12)
  const name = `modelport-egress-${engine.installation}-${policy}-${hash}`
  for (let attempt = 1; ; attempt++) {
    const state = await engine.docker
      .getContainer(name)
      .inspect()
      .catch((error) => {
        if (engineStatus(error) === 404) return null
        throw error
      })
    if (state?.State.Running) {
      await untilListening(engine, state.Id, new Date(state.State.StartedAt))
      return state.Id
    }
    if (attempt > 5) throw new Error('The egress proxy does not stay up; its log is in the engine.')
    if (state) await removing(engine.docker.getContainer(state.Id).remove({ force: true }))
    await removeIdleProxies(engine, name)
    try {
      const made = await engine.docker.createContainer({
        name,
        Image,
        Entrypoint: [],
        Cmd: ['python3', '/opt/modelport/egress.py'],
        Env,
        User: '65534:65534',
        Labels: {
          [labels.installation]: engine.installation,
          [labels.purpose]: 'egress',
          [labels.build]: '',
          [labels.epoch]: '',
        },
        HostConfig: {
          NetworkMode: 'bridge',
          ReadonlyRootfs: true,
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          Memory: 128 * 2 ** 20,
          MemorySwap: 128 * 2 ** 20,
          PidsLimit: 64,
          // The engine gives containers 1, and this one has a leg in the network of every build.
          Sysctls: { 'net.ipv4.ip_forward': '0' },
          RestartPolicy: { Name: 'on-failure' },
          LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        },
      })
      await made.start()
    } catch (error) {
      // 409: another build of this installation makes the same proxy now.
      if (engineStatus(error) !== 409) throw error
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
}

/** Waits until a proxy that was just started says that it listens. */
async function untilListening(engine: Engine, id: string, startedAt: Date): Promise<void> {
  for (;;) {
    if (Date.now() - startedAt.getTime() > 10_000) return
    const said = await engine.docker
      .getContainer(id)
      .logs({ stdout: true, since: Math.floor(startedAt.getTime() / 1000) })
    if (said.includes('"listening"')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function removeIdleProxies(engine: Engine, except: string): Promise<void> {
  const found = await listContainers(engine, {
    all: true,
    filters: { label: [`${labels.installation}=${engine.installation}`, `${labels.purpose}=egress`] },
  })
  for (const proxy of found) {
    const networks = Object.keys(proxy.NetworkSettings?.Networks ?? {})
    // A proxy of the other policy may be idle too; the next build of that policy starts it again within half a second.
    const idle = networks.every((each) => each === 'bridge')
    const fresh = Date.now() / 1000 - proxy.Created < 60
    if (idle && !fresh && !proxy.Names.includes(`/${except}`)) {
      await removing(engine.docker.getContainer(proxy.Id).remove({ force: true }))
    }
  }
}

async function createNetwork(
  engine: Engine,
  config: EgressConfig,
  owner: { buildId: string; epoch: number; target: string },
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    // Own small subnets: the engine's default pools end after about thirty networks. Chosen by chance, because
    // installations that do not know of each other may share the engine; it refuses one that overlaps.
    const block = randomInt(1, 8191)
    const subnet = `${config.subnetPrefix}.${block >> 5}.${(block & 31) << 3}/29`
    try {
      const made = await engine.docker.createNetwork({
        Name: `modelport-${owner.target}-${randomBytes(8).toString('hex')}`,
        Driver: 'bridge',
        // No way out, and with the next option no address of the host on it either.
        Internal: true,
        CheckDuplicate: true,
        EnableIPv6: false,
        Labels: {
          [labels.installation]: engine.installation,
          [labels.build]: owner.buildId,
          [labels.epoch]: String(owner.epoch),
        },
        IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] },
        Options: {
          'com.docker.network.bridge.inhibit_ipv4': 'true',
          'com.docker.network.bridge.enable_ip_masquerade': 'false',
        },
      })
      return made.id
    } catch (error) {
      const overlap = /overlap|already exists|conflict/i.test(String((error as Error).message))
      if (!overlap || attempt >= 30) throw error
    }
  }
}
