/**
 * What licences permit, demand and exclude. The entries of the OSI and Creative Commons licences follow the data of
 * choosealicense.com (CC BY 3.0); those of licences made for models were read from their texts. A licence that is not
 * here is "not stated" on every page: nothing is inferred from a name.
 */

export const permissionWords = {
  'commercial-use': 'Commercial use',
  distribution: 'Distribution',
  modifications: 'Modification',
  'patent-use': 'Patent use',
  'private-use': 'Private use',
} as const

export const conditionWords = {
  'include-copyright': 'Keep the licence and copyright notice',
  'include-copyright--source': 'Keep the licence and copyright notice with the source',
  'document-changes': 'State what was changed',
  'disclose-source': 'Offer the source to whoever gets it',
  'network-use-disclose': 'Offer the source to users over a network',
  'same-license': 'Same licence for what is derived',
  'same-license--file': 'Same licence for changed files',
  'same-license--library': 'Same licence for changes of the library',
  attribution: 'Give credit',
  'pass-on-restrictions': 'Pass the use restrictions on to whoever gets it',
  'use-policy': 'Follow the acceptable use policy',
  'user-limit': 'Ask for a licence above 700 million monthly users',
  'built-with-llama': 'Show “Built with Llama” and name derived models after it',
} as const

export const limitationWords = {
  liability: 'No liability',
  warranty: 'No warranty',
  'trademark-use': 'No use of trademarks',
  'patent-use': 'No patent rights',
  noncommercial: 'No commercial use',
  'no-derivatives': 'No sharing of changed versions',
  'use-restrictions': 'Some uses are forbidden, by a list in the licence',
  'no-training-others': 'Its output may not improve other language models',
} as const

export type Permission = keyof typeof permissionWords
export type Condition = keyof typeof conditionWords
export type Limitation = keyof typeof limitationWords

export interface LicenceTerms {
  /** An SPDX id, or `LicenseRef-…` for a licence that has none. */
  spdx: string
  name: string
  permissions: readonly Permission[]
  conditions: readonly Condition[]
  limitations: readonly Limitation[]
}

export type CommercialUse = 'allowed' | 'allowed with conditions' | 'not allowed' | 'not stated'

const all: Permission[] = ['commercial-use', 'distribution', 'modifications', 'private-use']
const withPatents: Permission[] = ['commercial-use', 'distribution', 'modifications', 'patent-use', 'private-use']
const free: Permission[] = ['distribution', 'modifications', 'private-use']
const none: Limitation[] = ['liability', 'warranty']

const table: Record<string, Omit<LicenceTerms, 'spdx'>> = {
  MIT: entry('MIT License', all, ['include-copyright'], none),
  'MIT-0': entry('MIT No Attribution', all, [], none),
  ISC: entry('ISC License', all, ['include-copyright'], none),
  '0BSD': entry('BSD Zero Clause License', all, [], none),
  'BSD-2-Clause': entry('BSD 2-Clause “Simplified” License', all, ['include-copyright'], none),
  'BSD-3-Clause': entry('BSD 3-Clause “New” or “Revised” License', all, ['include-copyright'], none),
  'BSD-3-Clause-Clear': entry('BSD 3-Clause Clear License', all, ['include-copyright'], [...none, 'patent-use']),
  'BSL-1.0': entry('Boost Software License 1.0', all, ['include-copyright--source'], none),
  Unlicense: entry('The Unlicense', all, [], none),
  'Apache-2.0': entry(
    'Apache License 2.0',
    withPatents,
    ['include-copyright', 'document-changes'],
    ['trademark-use', ...none],
  ),
  'MPL-2.0': entry(
    'Mozilla Public License 2.0',
    withPatents,
    ['disclose-source', 'include-copyright', 'same-license--file'],
    ['trademark-use', ...none],
  ),
  'GPL-2.0': entry(
    'GNU General Public License v2.0',
    all,
    ['include-copyright', 'document-changes', 'disclose-source', 'same-license'],
    none,
  ),
  'GPL-3.0': entry(
    'GNU General Public License v3.0',
    withPatents,
    ['include-copyright', 'document-changes', 'disclose-source', 'same-license'],
    none,
  ),
  'LGPL-2.1': entry(
    'GNU Lesser General Public License v2.1',
    all,
    ['include-copyright', 'disclose-source', 'document-changes', 'same-license--library'],
    none,
  ),
  'LGPL-3.0': entry(
    'GNU Lesser General Public License v3.0',
    withPatents,
    ['include-copyright', 'disclose-source', 'document-changes', 'same-license--library'],
    none,
  ),
  'AGPL-3.0': entry(
    'GNU Affero General Public License v3.0',
    withPatents,
    ['include-copyright', 'document-changes', 'disclose-source', 'network-use-disclose', 'same-license'],
    none,
  ),
  'CC0-1.0': entry('Creative Commons Zero v1.0 Universal', all, [], [...none, 'trademark-use', 'patent-use']),
  'CC-BY-4.0': creativeCommons('Attribution', all, []),
  'CC-BY-SA-4.0': creativeCommons('Attribution-ShareAlike', all, ['same-license']),
  'CC-BY-NC-4.0': creativeCommons('Attribution-NonCommercial', free, [], ['noncommercial']),
  'CC-BY-NC-SA-4.0': creativeCommons('Attribution-NonCommercial-ShareAlike', free, ['same-license'], ['noncommercial']),
  'CC-BY-ND-4.0': creativeCommons(
    'Attribution-NoDerivatives',
    ['commercial-use', 'distribution', 'private-use'],
    [],
    ['no-derivatives'],
  ),
  'CC-BY-NC-ND-4.0': creativeCommons(
    'Attribution-NonCommercial-NoDerivatives',
    ['distribution', 'private-use'],
    [],
    ['noncommercial', 'no-derivatives'],
  ),
  'LicenseRef-CreativeML-OpenRAIL-M': openRail('CreativeML Open RAIL-M'),
  'LicenseRef-CreativeML-OpenRAIL-PlusPlus-M': openRail('CreativeML Open RAIL++-M'),
  'LicenseRef-BigScience-OpenRAIL-M': openRail('BigScience OpenRAIL-M'),
  'LicenseRef-BigScience-BLOOM-RAIL-1.0': openRail('BigScience BLOOM RAIL 1.0'),
  'LicenseRef-Llama-2': llama('2', [], ['no-training-others']),
  'LicenseRef-Llama-3': llama('3', ['built-with-llama'], ['no-training-others']),
  'LicenseRef-Llama-3.1': llama('3.1', ['built-with-llama']),
  'LicenseRef-Llama-3.2': llama('3.2', ['built-with-llama']),
  'LicenseRef-Llama-3.3': llama('3.3', ['built-with-llama']),
}

function entry(name: string, permissions: Permission[], conditions: Condition[], limitations: Limitation[]) {
  return { name, permissions, conditions, limitations }
}

function creativeCommons(
  kind: string,
  permissions: Permission[],
  conditions: Condition[],
  limitations: Limitation[] = [],
) {
  return entry(
    `Creative Commons ${kind} 4.0 International`,
    permissions,
    // Who shares no changed version has no change to state.
    limitations.includes('no-derivatives')
      ? ['attribution', ...conditions]
      : ['attribution', 'document-changes', ...conditions],
    [...limitations, ...none, 'trademark-use', 'patent-use'],
  )
}

function openRail(name: string) {
  return entry(
    name,
    withPatents,
    ['include-copyright', 'document-changes', 'pass-on-restrictions'],
    ['use-restrictions', 'trademark-use', ...none],
  )
}

function llama(version: string, conditions: Condition[], limitations: Limitation[] = []) {
  return entry(
    `Llama ${version} Community License`,
    all,
    ['include-copyright', 'use-policy', 'user-limit', ...conditions],
    ['use-restrictions', ...limitations, 'trademark-use', ...none],
  )
}

/** The words that model cards use on Hugging Face, where they are not the SPDX id in lower case. */
const otherNames: Record<string, string> = {
  'creativeml-openrail-m': 'LicenseRef-CreativeML-OpenRAIL-M',
  'openrail++': 'LicenseRef-CreativeML-OpenRAIL-PlusPlus-M',
  'bigscience-openrail-m': 'LicenseRef-BigScience-OpenRAIL-M',
  'bigscience-bloom-rail-1.0': 'LicenseRef-BigScience-BLOOM-RAIL-1.0',
  llama2: 'LicenseRef-Llama-2',
  llama3: 'LicenseRef-Llama-3',
  'llama3.1': 'LicenseRef-Llama-3.1',
  'llama3.2': 'LicenseRef-Llama-3.2',
  'llama3.3': 'LicenseRef-Llama-3.3',
}

const known = new Map(Object.keys(table).map((spdx) => [spdx.toLowerCase(), spdx]))

/** The SPDX id for a word that somebody wrote: any case, Hugging Face's names, GNU's `-only` and `-or-later`. Null for others. */
export function spdxOf(word: string): string | null {
  const id = word.trim().toLowerCase()
  if (Object.hasOwn(otherNames, id)) return otherNames[id]!
  return known.get(id) ?? known.get(id.replace(/-(?:only|or-later)$/, '')) ?? null
}

/** Null for a licence that is not in the table. */
export function termsOf(spdx: string | null): LicenceTerms | null {
  const id = spdx === null ? null : (spdxOf(spdx) ?? known.get(spdx.toLowerCase()))
  return id ? { spdx: id, ...table[id]! } : null
}

/** The answer to the question asked most. */
export function commercialUse(terms: LicenceTerms | null): CommercialUse {
  if (!terms) return 'not stated'
  if (terms.limitations.includes('noncommercial')) return 'not allowed'
  if (!terms.permissions.includes('commercial-use')) return 'not stated'
  return terms.conditions.length > 0 || terms.limitations.includes('use-restrictions')
    ? 'allowed with conditions'
    : 'allowed'
}

/** An id as people know it: `LicenseRef-` is for machines. */
export function licenceName(spdx: string): string {
  return spdx.startsWith('LicenseRef-') ? (termsOf(spdx)?.name ?? spdx.slice('LicenseRef-'.length)) : spdx
}

/** The licences of the table, for people to choose from. */
export const knownLicences = Object.entries(table).map(([spdx, { name }]) => ({ spdx, name }))
