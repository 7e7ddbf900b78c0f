import { expect, it } from 'vitest'
import { mirrorNetworks, parseMirror, sourcesList } from './apt-mirror.ts'

const targets = `http://mirror.example/debian/ bookworm Packages
http://mirror.example/debian/ bookworm Translations
http://mirror.example/debian/ bookworm-updates Packages
http://security.example/debian-security/ bookworm-security Packages
https://other.example/tool nodistro Packages
`

it('finds the archive and the security archive among other sources', () => {
  expect(parseMirror(targets, 'Acquire "";\n')).toEqual({
    archive: 'http://mirror.example/debian',
    security: 'http://security.example/debian-security',
    proxy: null,
    checkDates: true,
  })
})

it('takes over the proxy and a snapshot mirror', () => {
  const settings = 'Acquire::http::Proxy "http://proxy.example:3142";\nAcquire::Check-Valid-Until "false";\n'
  expect(parseMirror(targets, settings)).toMatchObject({ proxy: 'http://proxy.example:3142', checkDates: false })
})

it('says what to do where the machine has no Debian mirror', () => {
  expect(() => parseMirror('https://other.example/tool jammy Packages\n', '')).toThrow(/set one in the configuration/)
})

it('writes the sources of any suite', () => {
  expect(sourcesList(parseMirror(targets, ''), 'trixie')).toBe(
    `deb http://mirror.example/debian trixie main contrib non-free
deb http://mirror.example/debian trixie-updates main contrib non-free
deb http://security.example/debian-security trixie-security main contrib non-free
`,
  )
})

it('names the networks of a mirror with a private address, and no loopback or public one', async () => {
  const mirror = { security: null, proxy: null, checkDates: true }
  expect(await mirrorNetworks({ ...mirror, archive: 'http://10.1.2.3/debian' })).toEqual(['10.1.2.3/32'])
  expect(await mirrorNetworks({ ...mirror, archive: 'http://127.0.0.1/debian' })).toEqual([])
  expect(await mirrorNetworks({ ...mirror, archive: 'http://8.8.8.8/debian' })).toEqual([])
})
