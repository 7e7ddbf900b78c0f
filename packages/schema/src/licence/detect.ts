/**
 * Names the licence of a text by what only that licence says. All phrases of a rule must stand in the text, which must
 * not be much longer than the licence: a text that says more may take back what the licence gives. No rule, or rules
 * that contradict each other, means that nothing is claimed.
 */
interface Rule {
  spdx: string
  phrases: string[]
  /** Phrases of a relative that shares all of the above. */
  without?: string[]
  /** Normalised characters; the longest common form with room for several copyright lines. */
  longest: number
}

const asIs = 'the software is provided as is'

const rules: Rule[] = [
  {
    spdx: 'MIT',
    phrases: [
      'permission is hereby granted free of charge to any person obtaining a copy',
      'the rights to use copy modify merge publish distribute sublicense and sell copies of the software',
      'the above copyright notice and this permission notice shall be included in all copies',
      asIs,
    ],
    longest: 2000,
  },
  {
    spdx: 'MIT-0',
    phrases: [
      'permission is hereby granted free of charge to any person obtaining a copy',
      'the rights to use copy modify merge publish distribute sublicense and sell copies of the software',
      asIs,
    ],
    without: ['and this permission notice shall be included'],
    longest: 1500,
  },
  {
    spdx: 'ISC',
    phrases: [
      'permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted',
      'provided that the above copyright notice and this permission notice appear in all copies',
      asIs,
    ],
    longest: 1500,
  },
  {
    spdx: '0BSD',
    phrases: [
      'permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted',
      asIs,
    ],
    without: ['provided that'],
    longest: 1300,
  },
  {
    spdx: 'BSD-2-Clause',
    phrases: [
      'redistribution and use in source and binary forms with or without modification are permitted',
      'redistributions of source code must retain the above copyright notice',
      'redistributions in binary form must reproduce the above copyright notice',
    ],
    without: ['endorse or promote products', 'advertising materials'],
    longest: 2200,
  },
  {
    spdx: 'BSD-3-Clause',
    phrases: [
      'redistribution and use in source and binary forms with or without modification are permitted',
      'redistributions of source code must retain the above copyright notice',
      'redistributions in binary form must reproduce the above copyright notice',
      'endorse or promote products derived from this software without specific prior written permission',
    ],
    without: ['advertising materials', 'no express or implied licenses to any party s patent rights'],
    longest: 2600,
  },
  {
    spdx: 'BSD-3-Clause-Clear',
    phrases: [
      'redistribution and use in source and binary forms with or without modification are permitted',
      'endorse or promote products derived from this software without specific prior written permission',
      'no express or implied licenses to any party s patent rights are granted by this license',
    ],
    longest: 2800,
  },
  {
    spdx: 'BSL-1.0',
    phrases: [
      'boost software license version 1 0',
      'permission is hereby granted free of charge to any person or organization obtaining a copy',
    ],
    longest: 2200,
  },
  {
    spdx: 'Unlicense',
    phrases: [
      'this is free and unencumbered software released into the public domain',
      'anyone is free to copy modify publish use compile sell or distribute this software',
    ],
    longest: 1900,
  },
  {
    spdx: 'Apache-2.0',
    phrases: [
      'apache license version 2 0',
      'terms and conditions for use reproduction and distribution',
      'grant of patent license',
      'you must cause any modified files to carry prominent notices',
    ],
    longest: 13_000,
  },
  {
    spdx: 'MPL-2.0',
    phrases: [
      'mozilla public license version 2 0',
      'distribution of source form',
      'incompatible with secondary licenses',
    ],
    longest: 18_500,
  },
  {
    spdx: 'GPL-2.0',
    phrases: [
      'gnu general public license version 2 june 1991',
      'you must cause any work that you distribute or publish',
      'terms and conditions for copying distribution and modification',
    ],
    longest: 20_000,
  },
  {
    spdx: 'GPL-3.0',
    phrases: [
      'gnu general public license version 3 29 june 2007',
      'you may convey a covered work in object code form',
      'use with the gnu affero general public license',
    ],
    longest: 38_000,
  },
  {
    spdx: 'LGPL-2.1',
    phrases: ['gnu lesser general public license version 2 1 february 1999', 'a work that uses the library'],
    longest: 29_000,
  },
  {
    spdx: 'LGPL-3.0',
    // The text adds to the GPL's, which often stands below it in the same file.
    phrases: ['gnu lesser general public license version 3 29 june 2007', 'you may convey a combined work'],
    longest: 48_000,
  },
  {
    spdx: 'AGPL-3.0',
    phrases: [
      'gnu affero general public license version 3 19 november 2007',
      'remote network interaction',
      'you may convey a covered work in object code form',
    ],
    longest: 38_000,
  },
  {
    spdx: 'CC0-1.0',
    phrases: ['cc0 1 0 universal', 'waiver', 'public license fallback'],
    longest: 8_500,
  },
  ...creativeCommonsRules(),
  {
    spdx: 'LicenseRef-CreativeML-OpenRAIL-M',
    phrases: ['creativeml open rail m dated', 'use based restrictions', 'attachment a'],
    longest: 18_000,
  },
  {
    // `RAIL++-M`: the plus signs are lost with the rest of the punctuation, the word after them is not.
    spdx: 'LicenseRef-CreativeML-OpenRAIL-PlusPlus-M',
    phrases: ['creativeml open rail m license dated', 'use based restrictions', 'attachment a'],
    longest: 18_000,
  },
  {
    spdx: 'LicenseRef-BigScience-BLOOM-RAIL-1.0',
    phrases: ['bigscience rail license v1 0', 'use based restrictions'],
    longest: 22_000,
  },
  {
    spdx: 'LicenseRef-BigScience-OpenRAIL-M',
    phrases: ['bigscience open rail m', 'use based restrictions'],
    longest: 20_000,
  },
  ...(['2', '3', '3 1', '3 2', '3 3'] as const).map((version) => ({
    spdx: `LicenseRef-Llama-${version.replace(' ', '.')}`,
    phrases: [
      `llama ${version} community license agreement llama ${version} version release date`,
      '700 million monthly active users',
      'acceptable use policy',
    ],
    longest: 14_000,
  })),
]

/** The six version 4.0 texts differ in their titles and share most of the rest. */
function creativeCommonsRules(): Rule[] {
  const titles = {
    BY: 'attribution 4 0 international',
    'BY-SA': 'attribution sharealike 4 0 international',
    'BY-NC': 'attribution noncommercial 4 0 international',
    'BY-NC-SA': 'attribution noncommercial sharealike 4 0 international',
    'BY-ND': 'attribution noderivatives 4 0 international',
    'BY-NC-ND': 'attribution noncommercial noderivatives 4 0 international',
  }
  return Object.entries(titles).map(([code, title]) => ({
    spdx: `CC-${code}-4.0`,
    phrases: [
      title,
      'section 1 definitions',
      'disclaimer of warranties and limitation of liability',
      'creative commons',
    ],
    longest: 22_000,
  }))
}

/** Riders that narrow a licence; where the licence says so itself, its own name already says it. */
const riders = ['commons clause', 'noncommercial purposes only', 'non commercial use only', 'not for commercial use']

/** The SPDX id (or `LicenseRef-…` for a licence of models that has none); null when the text is none that we know. */
export function detectLicence(text: string): string | null {
  const words = normalise(text.slice(0, 64 * 1024))
  const found = rules.filter(
    (rule) =>
      words.length <= rule.longest &&
      rule.phrases.every((phrase) => words.includes(phrase)) &&
      !rule.without?.some((phrase) => words.includes(phrase)),
  )
  // The LGPL's third version is printed together with the GPL that it adds to.
  const ids = found.map((rule) => rule.spdx)
  const claims = ids.includes('LGPL-3.0') ? ids.filter((id) => id !== 'GPL-3.0') : ids
  if (claims.length !== 1) return null
  const [claim] = claims as [string]
  return !claim.includes('-NC') && riders.some((rider) => words.includes(rider)) ? null : claim
}

/** Words alone: line breaks, Markdown, quotation marks and dashes differ from copy to copy. */
function normalise(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('licence', 'license')
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .replaceAll(' and or ', ' and ')
    .trim()
}
