import { expect, it } from 'vitest'
import { attachment } from './content-disposition.ts'

it.each([
  ['model.pth', 'attachment; filename="model.pth"'],
  ['my model (2).pth', 'attachment; filename="my model (2).pth"'],
  ['a"b\\c.bin', 'attachment; filename="c.bin"'],
  ['a"b%20.bin', `attachment; filename="a_b_20.bin"; filename*=UTF-8''a%22b%2520.bin`],
  ['größe.pt', `attachment; filename="gro_e.pt"; filename*=UTF-8''gr%C3%B6%C3%9Fe.pt`],
  ["日本'.pt", `attachment; filename="__'.pt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%27.pt`],
  ['a\r\nset-cookie: x.pt', 'attachment; filename="aset-cookie: x.pt"'],
  ['../../etc/passwd', 'attachment; filename="passwd"'],
  ['..', 'attachment; filename="file"'],
  ['', 'attachment; filename="file"'],
  ['\ud800x', `attachment; filename="_x"; filename*=UTF-8''%EF%BF%BDx`],
  ['exe.\u202egpj', 'attachment; filename="exe.gpj"'],
])('%j is sent as %s (T81)', (name, header) => {
  expect(attachment(name)).toBe(header)
})

it('keeps the ending of a long name, and is always a header', () => {
  for (const name of [
    `${'x'.repeat(300)}.safetensors`,
    `${'é'.repeat(300)}.safetensors`,
    `${'\u{1F600}'.repeat(100)}.pt`,
  ]) {
    const header = attachment(name)
    expect(header).toMatch(/^[\x20-\x7e]*$/)
    expect(header.length).toBeLessThan(1000)
    expect(header).toMatch(/\.(safetensors|pt)"?$/)
  }
})
