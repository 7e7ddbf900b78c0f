import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Readme } from '#src/features/models/readme.tsx'

const place = { repositoryUrl: 'http://127.0.0.1:3080/alice/model', commit: 'c0ffee' }
const html = (text: string) => renderToStaticMarkup(<Readme text={text} place={place} />)

it('moves headings one level down and keeps GitHub’s tables and task lists', () => {
  const out = html('# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n')
  expect(out).toContain('<h2>Title</h2>')
  expect(out).toContain('<td>1</td>')
  expect(out).toContain('☑ done')
  expect(out).not.toContain('<input')
})

it.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[a](javascript:alert(1))',
  '[a](JaVaScRiPt:alert(1))',
  '[a](data:text/html;base64,PHNjcmlwdD4=)',
  '![a](javascript:alert(1))',
  '<a href="javascript:alert(1)">x</a>',
  '[a](vbscript:x)',
  '<svg><script>alert(1)</script></svg>',
  '[x]: javascript:alert(1)\n\n[x]',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
])('disarms %s', (text) => {
  const out = html(text)
  expect(out).not.toMatch(/<(?:script|iframe|svg|img)|onerror=|href="(?:javascript|data|vbscript)/i)
})

it('resolves relative links to the commit, and turns images from elsewhere into links', () => {
  const out = html('[l](docs/a.md) ![in](a.png) ![out](https://tracker.example/p.gif)')
  expect(out).toContain('href="http://127.0.0.1:3080/alice/model/blob/c0ffee/docs/a.md"')
  expect(out).toContain('src="http://127.0.0.1:3080/alice/model/raw/c0ffee/a.png"')
  expect(out).not.toContain('src="https://tracker')
  expect(out).toContain('Image: out')
})

it('leaves the front matter of a model card out', () => {
  expect(html('---\nlicense: mit\n---\n\n# Card')).toBe('<div class="prose"><h2>Card</h2></div>')
})

it('shows as text what is too large', () => {
  expect(html('# a\n'.repeat(80_000))).toContain('<pre')
})

const size = 250_000
it.each([
  ['brackets', '['],
  ['images', '!['],
  ['quotes', '> '],
  ['stars', '*a '],
  ['stars and underscores', '*_'],
  ['backticks', '`a'],
  ['angle brackets', '<a '],
  ['nested lists', '- '],
  ['strikes', '~a~'],
  ['link openings', '[a]('],
  ['footnotes', '[^a]'],
  ['entities', '&a'],
  ['tables', '| a '],
  ['autolinks', 'http://a.b '],
  ['mail addresses', 'a@b.c '],
  ['dashes', '---\n'],
  ['deepening lists', '* a\n '],
])('does not let %s hold up the server', (_name, unit) => {
  const started = performance.now()
  html(unit.repeat(Math.ceil(size / unit.length)))
  expect(performance.now() - started).toBeLessThan(5000)
})
