import type { Catalogue, CatalogueEntry } from './catalogue.ts'
import { makeProblem, type Problem } from './model-config/problem.ts'
import { comparePythons } from './model-config/versions.ts'
import type { ModelConfig } from './model-config.ts'
import type { Substitution, SubstitutionPolicy, Target } from './words.ts'

export type ResolvedBase = { entry: CatalogueEntry; substitutions: Substitution[] } | { problem: Problem }

/**
 * Chooses the base image for one target. Under `exact` it has what the config asks for or there is a problem that names what is
 * available; under `nearest` Python resolves first, CUDA follows it, and a framework that cannot be had is left out.
 */
export function resolveBase(
  config: ModelConfig,
  target: Target,
  catalogue: Catalogue,
  policy: SubstitutionPolicy,
): ResolvedBase {
  const ofTarget = catalogue.entries.filter((entry) => (entry.cuda === null) === (target === 'cpu'))
  const usable = ofTarget.filter((entry) => entry.state === 'available')
  const context = { config, target, catalogue, policy, substitutions: [] as Substitution[] }

  const python = resolvePython(context, usable)
  if (typeof python !== 'string') return python
  const withPython = usable.filter((entry) => entry.python === python)

  const cuda = target === 'cpu' ? null : resolveCuda(context, withPython, ofTarget)
  if (cuda !== null && typeof cuda !== 'string') return cuda
  const withCuda = withPython.filter((entry) => entry.cuda === cuda)

  const withFlavor = resolveFlavor(context, withCuda)
  if ('problem' in withFlavor) return withFlavor
  return resolveFramework(context, withFlavor.entries)
}

interface Context {
  config: ModelConfig
  target: Target
  catalogue: Catalogue
  policy: SubstitutionPolicy
  substitutions: Substitution[]
}

function resolvePython(context: Context, usable: readonly CatalogueEntry[]): string | { problem: Problem } {
  const wanted = context.config.python.canonical
  const pythons = [...new Set(usable.map((entry) => entry.python))].sort(comparePythons)
  if (pythons.includes(wanted)) return wanted
  const newer = pythons.find((python) => comparePythons(python, wanted) > 0)
  if (context.policy === 'exact' || newer === undefined) {
    const orNewer = context.policy === 'nearest' ? ' or a newer one' : ''
    return problem(context, 'python', `there is no ${baseOf(context.target)} with Python ${wanted}${orNewer}`, pythons)
  }
  const why = `the ${context.catalogue.name} catalogue has no Python ${wanted}`
  substitute(context, { kind: 'python', wanted, got: newer, why })
  return newer
}

function resolveCuda(
  context: Context,
  withPython: readonly CatalogueEntry[],
  ofTarget: readonly CatalogueEntry[],
): string | { problem: Problem } {
  const wanted = context.config.cuda?.canonical
  if (wanted === undefined) return problem(context, 'cuda', 'a GPU image needs `cuda`', cudasOf(withPython))
  const cudas = cudasOf(withPython)
  if (cudas.includes(wanted)) return wanted
  if (context.policy === 'exact') {
    const deleted = ofTarget.find((entry) => entry.cuda === wanted)
    const why =
      deleted?.state === 'operator-mirror'
        ? `CUDA ${short(wanted)} was deleted upstream and can only come from a mirror that the operator names`
        : deleted?.state === 'gone'
          ? `CUDA ${short(wanted)} was deleted upstream`
          : `there is no base image with Python ${context.config.python.canonical} and CUDA ${short(wanted)}`
    return problem(context, 'cuda', why, cudas.map(short))
  }
  const got = cudas.find((cuda) => Number(cuda) > Number(wanted)) ?? cudas.at(-1)!
  const python = withPython[0]!.python
  const why = `the base image with Python ${python} has no CUDA ${short(wanted)}`
  substitute(context, { kind: 'cuda', wanted: short(wanted), got: short(got), why })
  return got
}

function resolveFlavor(
  context: Context,
  entries: readonly CatalogueEntry[],
): { entries: readonly CatalogueEntry[] } | { problem: Problem } {
  const wanted = context.config.cudaFlavor
  const found = entries.filter((entry) => entry.flavor === wanted)
  if (found.length > 0) return { entries: found }
  const other = wanted === 'devel' ? 'runtime' : 'devel'
  if (context.policy === 'exact') {
    return problem(context, 'cuda_flavor', `there is no ${wanted} base image of this kind`, [other])
  }
  substitute(context, {
    kind: 'cuda',
    key: 'cuda_flavor',
    wanted: `cuda_flavor: ${wanted}`,
    got: `cuda_flavor: ${other}`,
    why: `the catalogue has no ${wanted} image of this kind`,
  })
  return { entries }
}

function resolveFramework(context: Context, entries: readonly CatalogueEntry[]): ResolvedBase {
  const { config, target, substitutions } = context
  const wanted = config.framework
  const bare = entries.filter((entry) => entry.framework === null)
  if (wanted === null) {
    // The smaller entry: without mathematical libraries where there is a choice.
    const entry = bare.find((candidate) => !candidate.math) ?? bare[0]
    return entry ? { entry, substitutions } : noBare(context)
  }
  const found = entries.filter((entry) => entry.framework?.name === wanted)
  const whole = found.find((entry) => target === 'cpu' || entry.framework?.cuda)
  if (whole) return { entry: whole, substitutions }
  if (context.policy === 'exact') {
    const names = [...new Set(entries.flatMap((entry) => (entry.framework ? [entry.framework.name] : [])))]
    const understood = found[0]
      ? `the base image has ${wanted} ${found[0].framework?.version} without CUDA only`
      : `${wanted} is not pre-installed in the base image with ${pairOf(entries[0]!)}`
    return problem(context, 'framework', understood, found[0] ? [] : names)
  }
  if (found[0]) {
    const version = found[0].framework?.version ?? ''
    substitute(context, {
      kind: 'framework',
      wanted,
      got: `CPU ${wanted === 'pytorch' ? 'torch' : wanted} ${version}`,
      why: `the ${context.catalogue.name} catalogue has ${wanted} without CUDA only`,
    })
    return { entry: found[0], substitutions }
  }
  const entry = bare.find((candidate) => candidate.math) ?? bare[0]
  if (!entry) return noBare(context)
  const why = `${wanted} cannot be had for ${pairOf(entry)}; build steps may install one`
  substitute(context, { kind: 'framework', wanted, got: 'none', why })
  return { entry, substitutions }
}

function noBare(context: Context): { problem: Problem } {
  return problem(context, 'framework', 'the catalogue has no base image without a framework for these versions', [])
}

function substitute(
  context: Context,
  change: Pick<Substitution, 'wanted' | 'got' | 'why'> & { kind: 'python' | 'cuda' | 'framework'; key?: string },
): void {
  const { key = change.kind, ...substitution } = change
  context.substitutions.push({ ...substitution, file: 'runway.yml', line: context.config.lines[key] ?? null })
}

function problem(
  context: Context,
  path: string,
  understood: string,
  available: readonly string[],
): { problem: Problem } {
  const value = {
    python: context.config.python.text,
    cuda: context.config.cuda?.text,
    framework: context.config.framework,
  }[path]
  const choose = available.length > 0 ? `write one of these` : `delete the line`
  const nearest = context.policy === 'exact' ? ', or allow substitutions with the policy `nearest`' : ''
  return {
    problem: makeProblem({
      code: 'base-unavailable',
      severity: 'error',
      at: { line: context.config.lines[path] ?? 1, column: 1 },
      path,
      value: value ?? null,
      understood,
      allowed: available.length > 0 ? available.join(', ') : null,
      mend: choose + nearest,
    }),
  }
}

function cudasOf(entries: readonly CatalogueEntry[]): string[] {
  const cudas = entries.flatMap((entry) => (entry.cuda === null ? [] : [entry.cuda]))
  return [...new Set(cudas)].sort((a, b) => Number(a) - Number(b))
}

function baseOf(target: Target): string {
  return target === 'cpu' ? 'CPU base image' : 'GPU base image'
}

function pairOf(entry: CatalogueEntry): string {
  return `Python ${entry.python}${entry.cuda === null ? '' : ` and CUDA ${short(entry.cuda)}`}`
}

/** `10` for `10.0`, as authors write it. */
function short(cuda: string): string {
  return cuda.replace(/\.0$/, '')
}
