import { describe, expect, it } from 'vitest'
import { maxManifestBytes, readManifest } from './manifest.ts'

const manifest = {
  options: [],
  commands: [
    { name: 'upper', description: null, inputs: [{ name: 't', type: 'text' }], outputs: [{ name: 'u', type: 'text' }] },
  ],
}
const line = JSON.stringify(manifest)

describe('readManifest', () => {
  it('takes the last line that is a manifest, whatever the model prints before and after it', () => {
    const older = JSON.stringify({ ...manifest, options: [{ name: 'old', type: 'text' }] })
    expect(readManifest(`loading...\n${older}\n{"options": 1}\n${line}\nbye\n`)).toEqual({ manifest })
  })
  it('keeps unknown keys and types', () => {
    const odd = { ...manifest, options: [{ name: 'x', type: 'hologram', shine: [1, 2] }], made: 'here' }
    expect(readManifest(JSON.stringify(odd))).toEqual({ manifest: odd })
  })
  it('says so when there is none', () => {
    expect(readManifest('hello\n{"options":[]}\n')).toMatchObject({ problem: { code: 'manifest/none' } })
    expect(readManifest('')).toMatchObject({ problem: { code: 'manifest/none' } })
  })
  it('names the place of what is not as the protocol has it', () => {
    const bad = JSON.stringify({
      options: [],
      commands: [{ name: 'a', inputs: [], outputs: [{ name: 'o', type: 'text' }] }],
    })
    expect(readManifest(bad)).toMatchObject({
      problem: { code: 'manifest/invalid', sentence: expect.stringContaining('commands.0.inputs') },
    })
  })
  it('is bounded in bytes and depth, and lets no key reach a prototype', () => {
    const long = JSON.stringify({ ...manifest, x: 'y'.repeat(maxManifestBytes) })
    expect(readManifest(long)).toMatchObject({ problem: { code: 'manifest/too-large' } })
    const deep = line.replace('"options":[]', `"options":[],"d":${'['.repeat(5000)}${']'.repeat(5000)}`)
    expect(readManifest(deep)).toMatchObject({ problem: { code: 'manifest/none' } })
    readManifest(line.replace('"options":[]', '"options":[],"__proto__":{"polluted":true}'))
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
  it('drops what the database cannot hold', () => {
    const odd = line.replace('"name":"t"', '"name":"t\\u0000\\ud800"')
    expect(readManifest(odd)).toMatchObject({ manifest: { commands: [{ inputs: [{ name: 't\ufffd' }] }] } })
  })
})
