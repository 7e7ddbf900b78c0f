import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { detectLicence } from './detect.ts'
import { commercialUse, licenceName, spdxOf, termsOf } from './terms.ts'

const own = readFileSync(join(import.meta.dirname, 'testdata/mit.txt'), 'utf8')
const bsd = (extra: string) => `Copyright (c) 2026, Alice Example

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation.
${extra}
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"`
const promotion = `3. Neither the name of the copyright holder nor the names of its
   contributors may be used to endorse or promote products derived from
   this software without specific prior written permission.`
const nonCommercial = `Creative Commons Attribution-NonCommercial 4.0 International Public License
Section 1 – Definitions.
reproduce and Share the Licensed Material, in whole or in part, for NonCommercial purposes only; and
Section 5 – Disclaimer of Warranties and Limitation of Liability.`
const openRail = (title: string) => `${title}
Section III: use-based restrictions as referenced in paragraph 5
Attachment A: Use Restrictions`

describe('detectLicence', () => {
  it.each([
    ['MIT', own],
    ['MIT', own.replaceAll('\n', '\r\n').replaceAll('"', '“').toUpperCase()],
    ['MIT', `# License\n\n${own.replaceAll(/^/gm, '> ')}`],
    ['MIT-0', own.replace(/ subject to[\s\S]*?Software\.\n\n/, '\n\n')],
    ['BSD-2-Clause', bsd('')],
    ['BSD-3-Clause', bsd(promotion)],
    ['CC-BY-NC-4.0', nonCommercial],
    ['CC-BY-NC-SA-4.0', nonCommercial.replace('NonCommercial 4.0', 'NonCommercial-ShareAlike 4.0')],
    ['LicenseRef-CreativeML-OpenRAIL-M', openRail('CreativeML Open RAIL-M\ndated August 22, 2022')],
    [
      'LicenseRef-CreativeML-OpenRAIL-PlusPlus-M',
      openRail('CreativeML Open RAIL++-M License\ndated November 24, 2022'),
    ],
    [
      'LicenseRef-Llama-3.1',
      `LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\nLlama 3.1 Version Release Date: July 23, 2024
       greater than 700 million monthly active users ... the Acceptable Use Policy`,
    ],
  ])('reads %s', (spdx, text) => expect(detectLicence(text)).toBe(spdx))

  it.each([
    ['nothing', ''],
    ['a name alone', 'MIT License'],
    ['words about a licence', 'This project is under the Apache License, Version 2.0. See apache.org.'],
    ['a rider that takes the sale away', `${own}\n“Commons Clause” License Condition v1.0`],
    ['a rider in plain words', `${own}\nThe above is granted for non-commercial use only.`],
    ['two licences in one file', `${own}\n\n${bsd(promotion)}`],
    ['much more than the licence', `${own}\n${'Further terms apply to whoever uses this. '.repeat(40)}`],
    ['half of the licence', own.slice(0, 500)],
  ])('claims nothing of %s', (_what, text) => expect(detectLicence(text)).toBeNull())

  it('stays quick on a text made to be slow', () => {
    const began = performance.now()
    detectLicence('permission is hereby granted '.repeat(100_000))
    detectLicence('-'.repeat(10_000_000))
    expect(performance.now() - began).toBeLessThan(1500)
  })
})

describe('the terms', () => {
  it.each([
    ['MIT', 'allowed with conditions'],
    ['Unlicense', 'allowed'],
    ['CC-BY-NC-4.0', 'not allowed'],
    ['LicenseRef-Llama-2', 'allowed with conditions'],
    ['LicenseRef-CreativeML-OpenRAIL-M', 'allowed with conditions'],
    ['EUPL-1.2', 'not stated'],
  ])('answer for commercial use of %s: %s', (spdx, answer) => expect(commercialUse(termsOf(spdx))).toBe(answer))

  it('never give and take the same', () => {
    for (const id of ['Apache-2.0', 'CC-BY-NC-ND-4.0', 'CC0-1.0', 'LicenseRef-Llama-3.3']) {
      const { permissions, limitations } = termsOf(id)!
      if (limitations.includes('noncommercial')) expect(permissions).not.toContain('commercial-use')
      if (limitations.includes('no-derivatives')) expect(permissions).not.toContain('modifications')
      if (limitations.includes('patent-use')) expect(permissions).not.toContain('patent-use')
    }
  })

  it('know the words of model cards', () => {
    expect(spdxOf('apache-2.0')).toBe('Apache-2.0')
    expect(spdxOf('GPL-3.0-or-later')).toBe('GPL-3.0')
    expect(spdxOf('creativeml-openrail-m')).toBe('LicenseRef-CreativeML-OpenRAIL-M')
    expect(spdxOf('other')).toBeNull()
    // `openrail` names a family and no text.
    expect(spdxOf('openrail')).toBeNull()
    expect(spdxOf('constructor')).toBeNull()
    expect(licenceName('LicenseRef-Llama-3.2')).toBe('Llama 3.2 Community License')
  })
})
