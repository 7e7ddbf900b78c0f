import { expect, it } from 'vitest'
import { badgeColours, badgeSvg } from './badge.ts'

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

it.each([...Object.values(badgeColours), '#3A3F4B'])('white on %s has a contrast of 4.5', (colour) => {
  expect(1.05 / (luminance(colour) + 0.05)).toBeGreaterThanOrEqual(4.5)
})

it('is 20 pixels high, has a title and an accessible name', () => {
  const svg = badgeSvg({ label: 'build', value: 'passing', colour: 'passing' })
  expect(svg).toContain('height="20" role="img" aria-label="build: passing"')
  expect(svg).toContain('<title>build: passing</title>')
})

it.each(['</text><script>alert(1)</script>', '" onload="alert(1)', '\u0000\ud800&amp;'])('escapes %j', (words) => {
  const svg = badgeSvg({ label: words, value: words, colour: 'none' })
  for (const bad of ['<script', '" onload=', '\u0000']) expect(svg).not.toContain(bad)
  expect(svg).not.toMatch(/\p{Surrogate}/u)
})
