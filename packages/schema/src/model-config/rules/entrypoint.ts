import type { ModelConfig } from '../../model-config.ts'
import { describe, isScalarNode, isShortEnough, type Judge } from '../judge.ts'
import type { Place } from '../problem.ts'
import type { ConfigNode, MapNode } from '../read-yaml.ts'
import { judgeEntrypointCommand } from './command.ts'

/** `entrypoint`: one command, as a shell string. */
export function judgeEntrypoint(
  value: ConfigNode | undefined,
  root: MapNode,
  judge: Judge,
): ModelConfig['entrypoint'] | null {
  const refuse = (code: 'entrypoint' | 'entrypoint-missing', at: Place, understood: string) => {
    judge.report({
      code,
      severity: 'error',
      at,
      path: 'entrypoint',
      value: value && value.kind !== 'null' ? value.source : null,
      understood,
      allowed: 'a command as one string',
      mend: 'write the command that starts the model, for example `entrypoint: python runway_model.py`',
    })
    return null
  }
  if (!value) return refuse('entrypoint-missing', root, '`entrypoint` is missing')
  if (!isScalarNode(value)) return refuse('entrypoint', value, `${describe(value)} is not a command`)
  if (value.kind === 'null' || value.text.trim() === '') return refuse('entrypoint', value, 'the command is empty')
  if (value.kind !== 'string') return refuse('entrypoint', value, `${describe(value)} is not a command`)
  const text = value.text.trim()
  if (!isShortEnough(text, value, 'entrypoint', judge)) return null
  judgeEntrypointCommand(text, value, judge.report)
  return { text, line: value.line }
}
