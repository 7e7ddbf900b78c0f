import { isScalarNode, type Judge } from '../judge.ts'
import type { ConfigNode } from '../read-yaml.ts'

/** `version` is the format's own; any other value is read as 0.1. */
export function judgeVersion(value: ConfigNode | undefined, judge: Judge): void {
  if (!value || value.kind === 'null') return
  if (isScalarNode(value) && /^\d+\.\d+$/.test(value.text) && Number(value.text) === 0.1) return
  judge.report({
    code: 'version',
    severity: 'warning',
    at: value,
    path: 'version',
    value: value.source,
    understood: 'this is the version of the file format, not of the model, and is read as 0.1',
    allowed: '0.1',
    mend: 'write `version: 0.1`',
  })
}
