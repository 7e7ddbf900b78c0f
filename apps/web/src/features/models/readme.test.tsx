import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Readme } from '#src/features/models/readme.tsx'

const place = { repositoryUrl: 'http://127.0.0.1:3080/alice/model', commit: 'c0ffee' }
const html = async (text: string) => renderToStaticMarkup(await Readme({ text, place }))

it('moves headings one level down and keeps GitHub’s tables and task lists', async () => {
  const out = await html('# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n')
  expect(out).toContain('<h2 id="user-content-title">Title</h2>')
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
  expect(out).not.toMatch(/<(?:script|iframe|svg)|onerror=|(?:href|src)="(?:javascript|data|vbscript)/i)
})

it('resolves relative links to the commit, and turns images from elsewhere into links', async () => {
  const out = await html('[l](docs/a.md) ![in](a.png) ![out](https://tracker.example/p.gif)')
  expect(out).toContain('href="http://127.0.0.1:3080/alice/model/blob/c0ffee/docs/a.md"')
  expect(out).toContain('src="http://127.0.0.1:3080/alice/model/raw/c0ffee/a.png"')
  expect(out).not.toContain('src="https://tracker')
  expect(out).toContain('Image: out')
})

it('shows the words of a picture that has no address', async () => {
  const out = await html('![a](#) <img src="#x" alt="b"> <img> ![c]()')
  expect(out).toContain('Image: a')
  expect(out).not.toContain('<img')
})

it('shows images from elsewhere from here, where that is offered', async () => {
  const remoteImage = (address: string) => (address.endsWith('.svg') ? null : '/here.webp')
  const readme = await Readme({
    text: '![a](https://a.example/x.png) ![b](https://a.example/x.svg)',
    place: { ...place, remoteImage },
  })
  const out = renderToStaticMarkup(readme)
  expect(out).toContain('<img src="/here.webp" alt="a" loading="lazy"/>')
  expect(out).toContain('>Image: b</a>')
})

it('keeps the HTML that GitHub keeps, and none of what acts, loads or looks like the page', async () => {
  const out =
    await html(`<p align="center"><img src="logo.png" width="120" onerror="alert(1)" style="position:fixed"></p>
<details><summary>More</summary>H<sub>2</sub>O</details>
<form action="/logout"><input name="password"><button>Sign in</button></form>
<div class="button button-primary" id="__NEXT_DATA__" style="position:fixed">Banner</div>
<picture><source srcset="https://tracker.example/a.png"><img src="https://tracker.example/b.png" alt="b"></picture>
<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math><meta http-equiv="refresh" content="0;url=//evil">
<base href="//evil/"><link rel="stylesheet" href="//evil/x.css"><object data="x"></object><embed src="x"><video src="x">`)
  expect(out).toContain('src="http://127.0.0.1:3080/alice/model/raw/c0ffee/logo.png"')
  expect(out).toContain('width="120"')
  expect(out).toContain('<summary>More</summary>')
  expect(out).toContain('id="user-content-__NEXT_DATA__"')
  expect(out).not.toMatch(
    /<(?:form|input|button|style|meta|base|link|object|embed|video|picture|source|math)|srcset|style=|class="button|tracker\.example\/a/,
  )
})

it('names headings as GitHub does, so that links inside the README lead to them', async () => {
  const out = await html('# Über das Modell!\n\n[a](#über-das-modell) [b](#x)\n\n## Twice\n\n## Twice\n')
  expect(out).toContain('<h2 id="user-content-über-das-modell">')
  expect(out).toContain('href="#user-content-%C3%BCber-das-modell"')
  expect(out).toContain('<h3 id="user-content-twice-1">')
  expect(out).not.toContain('<summary')
  expect(await html('# A\n## B\n## C\n## D\n## E\n')).toContain(
    '<summary class="min-h-6 font-medium">Contents</summary>',
  )
})

it.each([
  ['quotes in quotes', `${'> '.repeat(200)}x`],
  ['elements in elements', `${'<b><i>'.repeat(500)}x`],
  ['very many links', '[a](b) '.repeat(12_000)],
  ['a table of 40,000 cells', `${'|a'.repeat(20)}|\n${'|-'.repeat(20)}|\n${`${'|b'.repeat(20)}|\n`.repeat(2000)}`],
])('shows as text what would be too much to draw: %s', async (_what, text) => {
  expect(await html(text)).toMatch(/^<pre/)
})

it('leaves the front matter of a model card out', async () => {
  expect(await html('---\nlicense: mit\n---\n\n# Card')).toBe(
    '<div class="prose"><h2 id="user-content-card">Card</h2></div>',
  )
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
  expect(await html('# After')).toContain('<h2 id="user-content-after">After</h2>')
})
