import type { MapNode } from './read-yaml.ts'

/** Another tool's file that happens to be called `runway.yml`. */
export interface ForeignFile {
  /** Stable id, for example `onica-runway`. */
  tool: string
  /** For a sentence: "this looks like ...". */
  name: string
}

interface Recogniser extends ForeignFile {
  matches: (keys: ReadonlySet<string>, root: MapNode) => boolean
}

const recognisers: Recogniser[] = [
  {
    tool: 'onica-runway',
    name: 'a file of Onica/Rackspace Runway, which deploys infrastructure (`deployments`)',
    matches: (keys) => keys.has('deployments'),
  },
  {
    tool: 'github-workflow',
    name: 'a GitHub Actions workflow (`on` and `jobs`)',
    matches: (keys) => keys.has('jobs') && keys.has('on'),
  },
  {
    tool: 'container-host',
    name: "a container host's or Docker Compose file (`services`)",
    matches: (keys) => keys.has('services'),
  },
  {
    tool: 'conda',
    name: 'a conda environment file (`dependencies`)',
    matches: (keys) => keys.has('dependencies') && (keys.has('channels') || keys.has('name')),
  },
  {
    tool: 'cog',
    name: "a cog.yaml of Replicate's cog (`build` and `predict`)",
    matches: (keys, root) => keys.has('predict') || keyInside(root, 'build', ['python_version', 'python_packages']),
  },
  {
    tool: 'job-host',
    name: "a job host's file (`build.commands` and `schedules`)",
    matches: (keys, root) => keys.has('schedules') || keyInside(root, 'build', ['commands']),
  },
  {
    tool: 'node-host',
    name: "a web host's file (`runtime`, `build` and `start`)",
    matches: (keys) => keys.has('runtime') && (keys.has('start') || keys.has('build')),
  },
]

/** Names the tool whose file this is, judged by its keys, or null when it may be a model's. */
export function recogniseForeign(root: MapNode): ForeignFile | null {
  const keys = new Set(root.entries.map((entry) => entry.key))
  // A file with either of these was meant for us, whatever else was pasted into it.
  if (keys.has('entrypoint') || keys.has('python') || keys.has('build_steps')) return null
  const found = recognisers.find((recogniser) => recogniser.matches(keys, root))
  return found ? { tool: found.tool, name: found.name } : null
}

function keyInside(root: MapNode, key: string, inner: string[]): boolean {
  const value = root.entries.find((entry) => entry.key === key)?.value
  return value?.kind === 'map' && value.entries.some((entry) => inner.includes(entry.key))
}
