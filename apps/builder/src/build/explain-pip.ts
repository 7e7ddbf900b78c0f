import type { SubstitutionPolicy } from '@modelport/schema/words'

/** What the Debian bases hold of the packages that old requirement files pin most, by their Python. */
export const packagesOfBase: Record<string, { numpy: string; Pillow: string }> = {
  '3.9': { numpy: '1.19.5', Pillow: '8.1.2' },
  '3.11': { numpy: '1.24.2', Pillow: '9.4.0' },
  '3.13': { numpy: '2.2.4', Pillow: '11.1.0' },
}

/** What an author can do about a package, by a pattern of its normalised name. */
const advice: [RegExp, string][] = [
  [/^tensorflow(-|$)|^keras$|^tf-/, 'Debian has no TensorFlow: it needs a package index that the builder reaches.'],
  [/^torch(-cpu)?$/, '`framework: pytorch` brings Debian’s PyTorch, for CPU.'],
  [/^torchvision$/, 'Debian’s is had with `apt install python3-torchvision` in a build step.'],
  [/^opencv-/, 'Debian’s is had with `apt install python3-opencv` in a build step.'],
  [/^(scipy|matplotlib|pandas|h5py|imageio|tqdm)$/, 'Debian’s is had with `apt install python3-…` in a build step.'],
  [/^(scikit-learn|sklearn)$/, 'Debian’s is had with `apt install python3-sklearn` in a build step.'],
  [/^scikit-image$/, 'Debian’s is had with `apt install python3-skimage` in a build step.'],
]

/**
 * Says in one sentence which packages pip could not find, from the last lines that a failed step printed, or null when
 * the step failed of something else.
 */
export function explainPip(
  lines: readonly string[],
  build: { python: string; policy: SubstitutionPolicy },
): string | null {
  const { python, policy } = build
  if (policy === 'nearest') {
    const missing = matches(lines, /^Substitution: nothing can take the place of (.+?)(?: \(.+:\d+\))?$/)
    if (missing.length === 0) return null
    return sentence([
      `Nothing can take the place of ${missing.join(', ')}: neither a package index nor Debian has it for Python ${python}.`,
      adviceFor(missing),
    ])
  }
  const missing = matches(lines, /^ERROR: No matching distribution found for (.+?)(?: \(from .*\))?$/).slice(-1)
  const unbuilt = matches(lines, /^\s*ERROR: Failed building wheel for (\S+)$/).slice(-1)
  if (missing.length + unbuilt.length === 0) return null
  return sentence([
    missing.length > 0
      ? `pip found no ${missing[0]} for Python ${python}.`
      : `pip could not build ${unbuilt[0]} for Python ${python}.`,
    baseHas(normalised(missing[0] ?? unbuilt[0]!), python),
    adviceFor([missing[0] ?? unbuilt[0]!]),
    'Ask for a version that can be had, or allow substitutions with the policy `nearest`.',
  ])
}

function matches(lines: readonly string[], pattern: RegExp): string[] {
  const found = lines.flatMap((line) => {
    // Colours of a terminal stand around pip's errors.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the escape character that is looked for
    const name = pattern.exec(line.replace(/\x1b\[[\d;]*m/g, '').trimEnd())?.[1]
    return name ? [name.slice(0, 120)] : []
  })
  return [...new Set(found)].slice(0, 10)
}

function baseHas(name: string, python: string): string | null {
  const held = packagesOfBase[python]
  if (!held) return null
  for (const [known, version] of Object.entries(held))
    if (known.toLowerCase() === name) return `The base image has ${known} ${version}.`
  return `The base image has NumPy ${held.numpy} and Pillow ${held.Pillow}.`
}

function adviceFor(requirements: readonly string[]): string | null {
  for (const requirement of requirements) {
    const found = advice.find(([pattern]) => pattern.test(normalised(requirement)))
    if (found) return found[1]
  }
  return null
}

/** `scikit-learn` of `Scikit_Learn[alldeps]>=0.20`. */
function normalised(requirement: string): string {
  return (/^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? '').toLowerCase().replaceAll(/[-_.]+/g, '-')
}

const sentence = (parts: (string | null)[]) => parts.filter(Boolean).join(' ')
