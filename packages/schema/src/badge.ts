/** Badges as SVG: 20 pixels high, white text on colours whose contrast with it is at least 4.5. */
export const badgeColours = {
  passing: '#1A7F43',
  failing: '#B3202C',
  info: '#0B5E9E',
  partial: '#855000',
  none: '#555B66',
} as const

export interface Badge {
  label: string
  value: string
  colour: keyof typeof badgeColours
  style?: 'flat' | 'square'
}

export function badgeSvg({ label, value, colour, style = 'flat' }: Badge): string {
  const [left, right] = [width(label), width(value)]
  const all = left + right
  const text = (words: string, x: number, w: number) =>
    // `textLength` holds the words inside their box whatever font the reader has.
    `<text x="${x + w / 2}" y="14" textLength="${w - 10}" lengthAdjust="spacingAndGlyphs">${escapeXml(words)}</text>`
  const title = `${label}: ${value}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${all}" height="20" role="img" aria-label="${escapeXml(title)}">`,
    `<title>${escapeXml(title)}</title>`,
    `<clipPath id="r"><rect width="${all}" height="20" rx="${style === 'square' ? 0 : 3}"/></clipPath>`,
    `<g clip-path="url(#r)"><rect width="${left}" height="20" fill="#3A3F4B"/>`,
    `<rect x="${left}" width="${right}" height="20" fill="${badgeColours[colour]}"/></g>`,
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">',
    `${text(label, 0, left)}${text(value, left, right)}</g></svg>`,
  ].join('')
}

/** The box of some words in Verdana of 11 pixels, with 5 pixels on each side. */
function width(words: string): number {
  let sum = 0
  for (const c of words)
    sum += /[iljtfrI.,:;'|!()[\] /-]/.test(c) ? 4.4 : /[mwMW@%]/.test(c) ? 10.2 : /[A-Z]/.test(c) ? 7.8 : 6.8
  return Math.ceil(sum) + 10
}

function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: dropping them is the purpose
      .replaceAll(/[\u0000-\u001f\u007f\ufffe\uffff]|\p{Surrogate}/gu, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  )
}
