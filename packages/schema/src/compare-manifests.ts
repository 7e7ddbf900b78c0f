/**
 * `breaking`: a call that worked may fail, or an answer may be what its reader does not expect. `additive`: more is
 * possible than before. `cosmetic`: every call works as before.
 */
export const changeClasses = ['breaking', 'additive', 'cosmetic'] as const
export type ChangeClass = (typeof changeClasses)[number]

export interface InterfaceChange {
  class: ChangeClass
  /** `generate.inputs.z`, `options.style`, `generate`. */
  path: string
  /** What changed, in words; `backticks` mean code. */
  sentence: string
}

/** What both the builder's and the site's readers of manifests give. */
export interface Field {
  name: string
  type: string
  description?: string | null
  [key: string]: unknown
}
export interface Interface {
  options: Field[]
  commands: { name: string; description?: string | null; inputs: Field[]; outputs: Field[] }[]
}

/** Who gives the values: callers must follow what narrows theirs, and be ready for what widens the model's. */
type Giver = 'caller' | 'model'

/** Every difference between two interfaces, breaking ones first. The order of commands and fields means nothing. */
export function compareManifests(older: Interface, newer: Interface): InterfaceChange[] {
  const changes = [
    ...compareFields('options', 'option', older.options, newer.options, 'caller'),
    ...pairs(older.commands, newer.commands).flatMap(([before, after]): InterfaceChange[] => {
      if (!after) return [change('breaking', before!.name, `The command \`${before!.name}\` is gone.`)]
      if (!before) return [change('additive', after.name, `The command \`${after.name}\` is new.`)]
      return [
        ...describe(before.name, 'description', before.description, after.description),
        ...compareFields(`${before.name}.inputs`, 'input', before.inputs, after.inputs, 'caller'),
        ...compareFields(`${before.name}.outputs`, 'output', before.outputs, after.outputs, 'model'),
      ]
    }),
  ]
  return changeClasses.flatMap((kind) => changes.filter((one) => one.class === kind))
}

const change = (kind: ChangeClass, path: string, sentence: string): InterfaceChange => ({ class: kind, path, sentence })

/** Both sides by name, the old order first. Of two with one name the first counts. */
function pairs<T extends { name: string }>(older: T[], newer: T[]): [T | undefined, T | undefined][] {
  const names = new Set([...older, ...newer].map((one) => one.name))
  const [before, after] = [byName(older), byName(newer)]
  return [...names].map((name) => [before.get(name), after.get(name)])
}

const byName = <T extends { name: string }>(list: T[]) => new Map(list.toReversed().map((one) => [one.name, one]))

function compareFields(place: string, word: string, older: Field[], newer: Field[], giver: Giver): InterfaceChange[] {
  return pairs(older, newer).flatMap(([before, after]): InterfaceChange[] => {
    const path = `${place}.${(before ?? after)!.name}`
    if (!after) return [change('breaking', path, `The ${word} \`${before!.name}\` is gone.`)]
    if (before) return compareField(path, before, after, giver)
    if (giver === 'model' || hasDefault(after))
      return [change('additive', path, `The ${word} \`${after.name}\` is new.`)]
    return [change('breaking', path, `The ${word} \`${after.name}\` is new and must be given.`)]
  })
}

const hasDefault = (field: Field) => field.default !== undefined && field.default !== null

/** Attributes that say how a value is drawn, sampled or encoded, and leave every call as it was. */
const cosmetic = new Set(['samplingMean', 'samplingStd', 'defaultOutputFormat', 'labelToColor', 'defaultLabel'])
/** Attributes that bound a value from below, and from above. */
const lower = new Set(['min', 'minLength'])
const upper = new Set(['max', 'maxLength'])
/** Compared by rules of their own. */
const special = new Set(['name', 'type', 'description', 'default', 'itemType', 'oneOf', 'labels'])

function compareField(path: string, before: Field, after: Field, giver: Giver): InterfaceChange[] {
  if (before.type !== after.type)
    return [change('breaking', path, `The type is \`${after.type}\` instead of \`${before.type}\`.`)]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)].filter((key) => !special.has(key)))
  return [
    ...describe(path, 'description', before.description, after.description),
    ...compareDefault(path, before, after, giver),
    ...compareChoices(path, before, after, giver),
    ...compareItems(path, before, after, giver),
    ...[...keys].flatMap((key) => compareAttribute(path, key, before[key] ?? null, after[key] ?? null, giver)),
  ]
}

function describe(path: string, what: string, before: unknown, after: unknown): InterfaceChange[] {
  return (before ?? '') === (after ?? '') ? [] : [change('cosmetic', path, `The ${what} has other words.`)]
}

function compareDefault(path: string, before: Field, after: Field, giver: Giver): InterfaceChange[] {
  if (giver === 'model' || same(before.default ?? null, after.default ?? null)) return []
  if (!hasDefault(after)) return [change('breaking', path, 'It has no default any more and must be given.')]
  if (!hasDefault(before)) return [change('additive', path, `It has a default now, \`${show(after.default)}\`.`)]
  return [
    change(
      'cosmetic',
      path,
      `The default is \`${show(after.default)}\` instead of \`${show(before.default)}\`: who leaves it out gets another result.`,
    ),
  ]
}

/** Lists of what a value may be: a choice less hurts who gives it, a choice more who gets it. */
function compareChoices(path: string, before: Field, after: Field, giver: Giver): InterfaceChange[] {
  return ['oneOf', 'labels'].flatMap((key): InterfaceChange[] => {
    const [old, now] = [before[key], after[key]]
    if (same(old ?? null, now ?? null)) return []
    if (!Array.isArray(old) || !Array.isArray(now))
      return [change('breaking', path, `\`${key}\` is ${now === undefined ? 'gone' : 'another'}.`)]
    const gone = old.filter((value) => !now.some((other) => same(value, other)))
    const added = now.filter((value) => !old.some((other) => same(value, other)))
    return [
      ...(gone.length > 0
        ? [change(giver === 'caller' ? 'breaking' : 'cosmetic', path, `No longer a choice: ${list(gone)}.`)]
        : []),
      ...(added.length > 0
        ? [change(giver === 'caller' ? 'additive' : 'breaking', path, `A choice now: ${list(added)}.`)]
        : []),
      ...(gone.length + added.length === 0 ? [change('cosmetic', path, 'The choices stand in another order.')] : []),
    ]
  })
}

function compareItems(path: string, before: Field, after: Field, giver: Giver): InterfaceChange[] {
  const [old, now] = [before.itemType, after.itemType]
  if (same(old ?? null, now ?? null)) return []
  if (!isField(old) || !isField(now)) return [change('breaking', path, 'Its items have another type.')]
  return compareField(`${path}[]`, { ...old, name: 'item' }, { ...now, name: 'item' }, giver)
}

const isField = (value: unknown): value is Field =>
  typeof value === 'object' && value !== null && typeof (value as Field).type === 'string'

function compareAttribute(path: string, key: string, old: unknown, now: unknown, giver: Giver): InterfaceChange[] {
  if (same(old, now)) return []
  const words = `\`${key}\` is ${now === null ? 'gone' : `\`${show(now)}\``}${old === null ? '' : ` instead of \`${show(old)}\``}.`
  if (cosmetic.has(key)) return [change('cosmetic', path, words)]
  const narrows = lower.has(key) ? rose(old, now, -Infinity) : upper.has(key) ? rose(now, old, Infinity) : null
  // Sizes, lengths and steps have no direction, and what an unknown attribute means nobody here can say.
  if (narrows === null) return [change('breaking', path, words)]
  if (giver === 'caller') return [change(narrows ? 'breaking' : 'additive', path, words)]
  return [change(narrows ? 'cosmetic' : 'breaking', path, words)]
}

/** Whether a bound is higher in the second than in the first; `open` stands for none. Null when they are no numbers. */
function rose(first: unknown, second: unknown, open: number): boolean | null {
  const [from, to] = [first ?? open, second ?? open]
  return typeof from === 'number' && typeof to === 'number' ? to > from : null
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))]
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && same(value, right.get(key)))
  )
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const plain = text.replaceAll(/[`\p{Cc}]/gu, ' ')
  return plain.length > 60 ? `${plain.slice(0, 59)}…` : plain
}

const list = (values: unknown[]) =>
  values
    .slice(0, 20)
    .map((value) => `\`${show(value)}\``)
    .join(', ') + (values.length > 20 ? ` and ${values.length - 20} more` : '')
