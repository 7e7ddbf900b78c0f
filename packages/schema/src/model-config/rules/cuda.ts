import type { ModelConfig, ParseOptions } from '../../model-config.ts'
import { describe, isScalarNode, type Judge } from '../judge.ts'
import type { ConfigNode, MapNode } from '../read-yaml.ts'
import { availableCuda, canonicalCuda } from '../versions.ts'

/** `cuda`: required while a GPU image is built. */
export function judgeCuda(
  value: ConfigNode | undefined,
  root: MapNode,
  gpu: boolean,
  options: ParseOptions,
  judge: Judge,
): ModelConfig['cuda'] {
  const known = availableCuda(options.catalogue)
  const example = known.includes('10.2') ? '10.2' : (known.at(-1) ?? '10.2')
  if (!value || value.kind === 'null') {
    if (!gpu) return null
    judge.report({
      code: 'cuda-missing',
      severity: 'error',
      at: value ?? root,
      path: 'cuda',
      understood: '`cuda` is missing although a GPU image is to be built',
      allowed: known.map(trimZero).join(', '),
      mend: `add \`cuda: ${example}\`, or switch the GPU image off with \`spec: {gpu: False}\``,
    })
    return null
  }
  const canonical = isScalarNode(value) ? canonicalCuda(value.text) : null
  const acceptable = canonical !== null && (options.policy === 'nearest' || known.includes(canonical))
  if (acceptable && isScalarNode(value)) return { text: value.text, canonical }
  judge.report({
    code: 'cuda',
    // Without a GPU image the value is never used, and a real file should not fail for it.
    severity: gpu || !isScalarNode(value) ? 'error' : 'warning',
    at: value,
    path: 'cuda',
    value: value.source,
    understood:
      canonical === null
        ? `${isScalarNode(value) ? 'this' : describe(value)} is not a CUDA version`
        : `there is no base image with CUDA ${trimZero(canonical)}${gpu ? '' : ' (not used: no GPU image is built)'}`,
    allowed: known.map(trimZero).join(', '),
    mend: gpu
      ? `write one of these, for example \`cuda: ${example}\`, or switch the GPU image off with \`spec: {gpu: False}\``
      : 'delete the line',
  })
  return null
}

/** `cuda_flavor`: undocumented, `devel` is honoured. */
export function judgeCudaFlavor(value: ConfigNode | undefined, judge: Judge): ModelConfig['cudaFlavor'] {
  if (!value || value.kind === 'null') return 'runtime'
  const flavor = isScalarNode(value) ? value.text : ''
  const known = flavor === 'devel' || flavor === 'runtime'
  judge.report({
    code: 'cuda-flavor',
    severity: known ? 'notice' : 'warning',
    at: value,
    path: 'cuda_flavor',
    value: value.source,
    understood: known ? 'this key is not in the original documentation and is honoured' : 'this is ignored',
    allowed: 'devel, runtime',
    mend: known
      ? 'nothing needs to be done'
      : 'write `cuda_flavor: devel` for a compiler in the image, or delete the line',
  })
  return flavor === 'devel' ? 'devel' : 'runtime'
}

function trimZero(cuda: string): string {
  return cuda.replace(/\.0$/, '')
}
