import { describe, expect, it } from 'vitest'
import { explainPip } from './explain-pip.ts'

const exact = { python: '3.11', policy: 'exact' as const }
const nearest = { python: '3.9', policy: 'nearest' as const }

describe('a step that pip ended', () => {
  it('says under exact which version the base image has', () => {
    const lines = [
      'Looking in links: /opt/modelport/wheels',
      '\u001b[31mERROR: Could not find a version that satisfies the requirement Pillow==6.2.0 (from versions: none)\u001b[0m',
      '\u001b[31mERROR: No matching distribution found for Pillow==6.2.0\u001b[0m',
    ]
    expect(explainPip(lines, exact)).toBe(
      'pip found no Pillow==6.2.0 for Python 3.11. The base image has Pillow 9.4.0. Ask for a version that can be had, or allow substitutions with the policy `nearest`.',
    )
  })

  it('says what the base image has of other packages, and what to do about a known one', () => {
    const explained = explainPip(
      ['ERROR: No matching distribution found for opencv_python~=4.1 (from -r r.txt (line 2))'],
      exact,
    )
    expect(explained).toContain('pip found no opencv_python~=4.1 for Python 3.11.')
    expect(explained).toContain('NumPy 1.24.2 and Pillow 9.4.0')
    expect(explained).toContain('`apt install python3-opencv`')
  })

  it('says which package pip could not build', () => {
    expect(explainPip(['  ERROR: Failed building wheel for Pillow'], exact)).toContain(
      'pip could not build Pillow for Python 3.11.',
    )
  })

  it('names under nearest all that nothing could replace, and not what was replaced', () => {
    const lines = [
      'ERROR: No matching distribution found for Pillow==6.2.0',
      'Substitution: Pillow 6.2.0 → 8.1.2 (installed already)',
      'Substitution: nothing can take the place of tensorflow==1.12 (requirements.txt:3)',
      'Substitution: nothing can take the place of markovify==0.7.1',
    ]
    const explained = explainPip(lines, nearest)
    expect(explained).toContain('Nothing can take the place of tensorflow==1.12, markovify==0.7.1:')
    expect(explained).toContain('no TensorFlow')
    expect(explained).not.toContain('Pillow')
  })

  it('says nothing of a step that failed of something else', () => {
    expect(explainPip(['ERROR: No matching distribution found for a', 'make: *** [all] Error 2'], nearest)).toBeNull()
    expect(explainPip(['make: *** [all] Error 2'], exact)).toBeNull()
  })
})
