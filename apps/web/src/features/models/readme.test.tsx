import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Readme } from '#src/features/models/readme.tsx'

const place = { repositoryUrl: 'http://127.0.0.1:3080/alice/model', commit: 'c0ffee' }
const html = async (text: string) => renderToStaticMarkup(await Readme({ text, place }))

it('moves headings one level down and keeps GitHub’s tables and task lists', async () => {
  const out = await html('# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n')
  expect(out).toContain('<h2>Title</h2>')
  expect(out).toContain('<td>1</td>')
  expect(out).toMatch(/☑\s+done/)
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
])('disarms %s', async (text) => {
  const out = await html(text)
  expect(out).not.toMatch(/<(?:script|iframe|svg|img)|onerror=|href="(?:javascript|data|vbscript)/i)
})

it('resolves relative links to the commit, and turns images from elsewhere into links', async () => {
  const out = await html('[l](docs/a.md) ![in](a.png) ![out](https://tracker.example/p.gif)')
  expect(out).toContain('href="http://127.0.0.1:3080/alice/model/blob/c0ffee/docs/a.md"')
  expect(out).toContain('src="http://127.0.0.1:3080/alice/model/raw/c0ffee/a.png"')
  expect(out).not.toContain('src="https://tracker')
  expect(out).toContain('Image: out')
})

it('leaves the front matter of a model card out', async () => {
  expect(await html('---\nlicense: mit\n---\n\n# Card')).toBe('<div class="prose"><h2>Card</h2></div>')
})

it('shows as text what is too large', async () => {
  expect(await html('# a\n'.repeat(80_000))).toContain('<pre')
})

// Each of these would keep the parser busy for minutes.
it.each([
  ['quotes', '> '],
  ['stars and underscores', '*_'],
  ['strikes', '~a~'],
])('does not let %s hold up the server', async (_name, unit) => {
  let ticks = 0
  const timer = setInterval(() => ticks++, 50)
  expect(await html(unit.repeat(250_000 / unit.length))).toMatch(/^<pre/)
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(10)
  expect(await html('# After')).toContain('<h2>After</h2>')
})
