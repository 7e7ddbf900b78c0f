import type { ModelConfig } from '../../model-config.ts'
import { isScalarNode, type Judge } from '../judge.ts'
import { nearMiss } from '../near-miss.ts'
import type { ConfigNode } from '../read-yaml.ts'

/** `framework`: TensorFlow, PyTorch or none. */
export function judgeFramework(value: ConfigNode | undefined, judge: Judge): ModelConfig['framework'] {
  if (!value || value.kind === 'null') return null
  const text = isScalarNode(value) ? value.text : ''
  if (text === 'tensorflow' || text === 'pytorch') return text
  const common = { at: value, path: 'framework', value: value.source, allowed: 'tensorflow, pytorch' }
  if (/^none$/i.test(text)) {
    judge.report({
      ...common,
      code: 'framework-none',
      severity: 'warning',
      understood: 'this is read as no framework',
      mend: 'delete the line',
    })
    return null
  }
  const name = /^(torch|pytorch|tensorflow)\b/i.exec(text)?.[1]?.toLowerCase()
  const meant = name === 'torch' ? 'pytorch' : (name ?? nearMiss(text, ['tensorflow', 'pytorch']))
  const withVersion = /\d/.test(text)
  judge.report({
    ...common,
    code: 'framework',
    severity: 'error',
    understood: `this is not a framework that can be pre-installed${meant && !withVersion ? `, did you mean \`${meant}\`?` : ''}`,
    mend: withVersion
      ? `write \`framework: ${meant ?? 'pytorch'}\` or delete the line, and install the version you need in build_steps, for example \`- pip install ${name === 'tensorflow' ? 'tensorflow==1.15.0' : 'torch==1.0.0'}\``
      : meant
        ? `write \`framework: ${meant}\``
        : 'delete the line and install the framework in build_steps',
  })
  return null
}
