export type ScalarKind = 'null' | 'boolean' | 'number' | 'string'

/** What YAML 1.2's core schema makes of an unquoted scalar. `yes`, `no`, `on` and `off` are strings there. */
export function plainKind(text: string): ScalarKind {
  if (/^(~|null|Null|NULL|)$/.test(text)) return 'null'
  if (/^(true|True|TRUE|false|False|FALSE)$/.test(text)) return 'boolean'
  if (/^[-+]?(\d+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return 'number'
  if (/^[-+]?((\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|\.(inf|Inf|INF))$/.test(text)) return 'number'
  if (/^\.(nan|NaN|NAN)$/.test(text)) return 'number'
  return 'string'
}
