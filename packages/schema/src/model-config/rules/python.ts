import type { ModelConfig, ParseOptions } from '../../model-config.ts'
import { describe, isScalarNode, type Judge } from '../judge.ts'
import type { ConfigNode, MapNode } from '../read-yaml.ts'
import { availablePythons, comparePythons, patchLevelPython } from '../versions.ts'

/** `python`: a version that the catalogue has or, under `nearest`, may stand in for. Python 2.7 is always refused. */
export function judgePython(
  value: ConfigNode | undefined,
  root: MapNode,
  options: ParseOptions,
  judge: Judge,
): ModelConfig['python'] | null {
  const known = availablePythons(options.catalogue)
  const allowed = known.join(', ')
  const example = known[0]!
  if (!value || value.kind === 'null') {
    const base = root.entries.find((entry) => entry.key === 'base')
    judge.report({
      code: base ? 'base-without-python' : 'python-missing',
      severity: 'error',
      at: base?.at ?? value ?? root,
      path: base ? 'base' : 'python',
      value: base?.value.source ?? null,
      understood: base ? 'the alpha format named its base image here; `python` is required now' : '`python` is missing',
      allowed,
      mend: `${base ? 'replace it with' : 'add'} a line such as \`python: ${example}\``,
    })
    return null
  }
  const refuse = (understood: string, mend: string) => {
    judge.report({
      code: 'python',
      severity: 'error',
      at: value,
      path: 'python',
      value: value.source,
      understood,
      allowed,
      mend,
    })
    return null
  }
  const use = `write one of these, for example \`python: ${example}\``
  if (!isScalarNode(value)) return refuse(`${describe(value)} is not a Python version`, use)
  const text = value.text
  if (/^2(\.\d+)*$/.test(text))
    return refuse(`Python ${text} was allowed by older docs and is no longer supported`, use)
  const patchLevel = patchLevelPython(text)
  const canonical = patchLevel ?? (/^3\.(0|[1-9]\d?)$/.test(text) ? text : null)
  if (canonical === null) {
    const inner = /3\.\d{1,2}/.exec(text)?.[0]
    const mend = inner && known.includes(inner) ? `write \`python: ${inner}\`` : use
    return refuse(text === '3' ? 'this names no minor version of Python 3' : 'this is not a Python version', mend)
  }
  if (!known.includes(canonical)) {
    const newer = known.some((candidate) => comparePythons(candidate, canonical) > 0)
    if (options.policy === 'exact') return refuse(`there is no base image with Python ${canonical}`, use)
    if (!newer) return refuse(`there is no base image with Python ${canonical} or a newer one`, use)
  }
  if (patchLevel !== null) {
    judge.report({
      code: 'python-patch-level',
      severity: 'warning',
      at: value,
      path: 'python',
      value: value.source,
      understood: `base images are chosen by major and minor version, so this is read as ${canonical}`,
      allowed,
      mend: `write \`python: ${canonical}\``,
    })
  }
  return { text, canonical }
}
