import { expect, it } from 'vitest'
import { jsonForScript } from '#src/ui/json-ld.tsx'

it.each(['</script><script>alert(1)</script>', '<!--<script>', 'a\u2028b\u2029c', ']]>', '&lt;'])(
  'holds %j without an end of its script',
  (name) => {
    const text = jsonForScript({ name })
    expect(text).not.toMatch(/[<>&\u2028\u2029]/)
    expect(JSON.parse(text)).toEqual({ name })
  },
)
