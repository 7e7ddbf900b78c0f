import type { ProblemCode } from './model-config/problem-codes.ts'

/** What a repository without a `runway.yml` is told. */
export interface MissingConfig {
  /** Stable code, `model-config/what`. */
  code: string
  understood: string
  mend: string
  /** Both as one sentence. */
  sentence: string
}

/** Files that only repo2docker and Binder read; `requirements.txt` or `setup.py` alone say nothing about the tool. */
const repo2dockerFiles = ['environment.yml', 'environment.yaml', 'apt.txt', 'postBuild', 'runtime.txt', 'install.R']

/** Explains what is missing to the owner of a repository without `runway.yml`, from the paths of its files. */
export function describeMissingConfig(fileNames: readonly string[]): MissingConfig {
  const rootFiles = fileNames.filter((name) => !name.includes('/'))
  const misnamed = rootFiles.find(isMisnamed)
  if (misnamed !== undefined) {
    return missing(
      'misnamed',
      `the file \`${misnamed}\` is not read`,
      'rename it to `runway.yml`, in lower case and with the ending `.yml`',
    )
  }
  const nested = fileNames.find((name) => name.endsWith('/runway.yml'))
  if (nested !== undefined) {
    return missing(
      'not-in-root',
      `the file \`${nested}\` is not read`,
      '`runway.yml` belongs in the root of the repository, and its paths begin there',
    )
  }
  const remedy = 'add a `runway.yml` with `python`, `entrypoint` and `cuda` (or `spec: {gpu: False}`)'
  if (rootFiles.some((name) => /^cog\.ya?ml$/.test(name))) {
    return missing(
      'other-tool',
      "there is a `cog.yaml`, which Replicate's cog reads, but no `runway.yml`",
      `${remedy}; what stands under \`build.python_packages\` goes into \`requirements.txt\`, and \`build.run\` into \`build_steps\``,
    )
  }
  const environment = fileNames.find((name) => repo2dockerFiles.includes(name.replace(/^\.?binder\//, '')))
  if (environment !== undefined) {
    return missing(
      'other-tool',
      `there is a \`${environment}\`, which repo2docker and Binder read, but no \`runway.yml\``,
      `${remedy}, and name what it installs under \`build_steps\``,
    )
  }
  const requirements = rootFiles.includes('requirements.txt')
    ? ', and `- pip install -r requirements.txt` under `build_steps`'
    : ''
  return missing('missing', 'there is no `runway.yml` in the root of the repository', `${remedy}${requirements}`)
}

/** Whether a file was meant to be `runway.yml` but is not: `runway.yaml`, `Runway.yml`, `.runway.yml`, `runway.yml.txt`. */
export function isMisnamed(name: string): boolean {
  return name !== 'runway.yml' && /^\.?runway[-_]?(model)?\.ya?ml(\.txt)?$/i.test(name)
}

function missing(what: ProblemCode, understood: string, mend: string): MissingConfig {
  const sentence = `${understood[0]!.toUpperCase()}${understood.slice(1)}: ${mend}.`
  return { code: `model-config/${what}`, understood, mend, sentence }
}
