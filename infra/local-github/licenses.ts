// Enough of GitHub's licence detection for a repository's `license` field: marks in the text, most telling first.
const MARKS: [key: string, mark: RegExp][] = [
  ['agpl-3.0', /GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3/i],
  ['lgpl-3.0', /GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3/i],
  ['lgpl-2.1', /GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1/i],
  ['gpl-3.0', /GNU GENERAL PUBLIC LICENSE\s+Version 3/i],
  ['gpl-2.0', /GNU GENERAL PUBLIC LICENSE\s+Version 2/i],
  ['apache-2.0', /Apache License\s+Version 2\.0/i],
  ['mpl-2.0', /Mozilla Public License Version 2\.0/i],
  ['cc0-1.0', /CC0 1\.0 Universal/i],
  ['cc-by-sa-4.0', /Attribution-ShareAlike 4\.0 International/i],
  ['cc-by-4.0', /^\s*(?:Creative Commons )?Attribution 4\.0 International/i],
  ['unlicense', /This is free and unencumbered software released into the public domain/i],
  ['bsd-3-clause', /Redistributions in binary form must[\s\S]*endorse or promote products/i],
  ['bsd-2-clause', /Redistributions in binary form must/i],
  ['isc', /Permission to use, copy, modify, and(?:\/or)? distribute this software for any purpose/i],
  ['mit', /Permission is hereby granted, free of charge, to any person obtaining a copy/i],
]

/** The licences that we can name, by GitHub's key. */
export const licenseNames: Record<string, { name: string; spdx: string }> = {
  'agpl-3.0': { name: 'GNU Affero General Public License v3.0', spdx: 'AGPL-3.0' },
  'lgpl-3.0': { name: 'GNU Lesser General Public License v3.0', spdx: 'LGPL-3.0' },
  'lgpl-2.1': { name: 'GNU Lesser General Public License v2.1', spdx: 'LGPL-2.1' },
  'gpl-3.0': { name: 'GNU General Public License v3.0', spdx: 'GPL-3.0' },
  'gpl-2.0': { name: 'GNU General Public License v2.0', spdx: 'GPL-2.0' },
  'apache-2.0': { name: 'Apache License 2.0', spdx: 'Apache-2.0' },
  'mpl-2.0': { name: 'Mozilla Public License 2.0', spdx: 'MPL-2.0' },
  'cc0-1.0': { name: 'Creative Commons Zero v1.0 Universal', spdx: 'CC0-1.0' },
  'cc-by-sa-4.0': { name: 'Creative Commons Attribution Share Alike 4.0 International', spdx: 'CC-BY-SA-4.0' },
  'cc-by-4.0': { name: 'Creative Commons Attribution 4.0 International', spdx: 'CC-BY-4.0' },
  unlicense: { name: 'The Unlicense', spdx: 'Unlicense' },
  'bsd-3-clause': { name: 'BSD 3-Clause "New" or "Revised" License', spdx: 'BSD-3-Clause' },
  'bsd-2-clause': { name: 'BSD 2-Clause "Simplified" License', spdx: 'BSD-2-Clause' },
  isc: { name: 'ISC License', spdx: 'ISC' },
  mit: { name: 'MIT License', spdx: 'MIT' },
}

/** Tells whether a file at the top of a repository is its licence. */
export function isLicenseFile(name: string): boolean {
  return /^(?:un)?licen[sc]e(?:\.(?:md|txt|rst))?$|^copying(?:\.(?:md|txt))?$/i.test(name)
}

/** Names the licence of a text by GitHub's key; `other` when it is none that we know. */
export function detectLicense(text: string): string {
  const start = text.slice(0, 64 * 1024)
  return MARKS.find(([, mark]) => mark.test(start))?.[0] ?? 'other'
}
