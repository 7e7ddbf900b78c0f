import { describe, expect, it } from 'vitest'
import { describeMissingConfig, isMisnamed } from './missing-config.ts'

describe('describeMissingConfig', () => {
  it.each([
    [['README.md', 'runway.yaml'], 'model-config/misnamed', '`runway.yaml`'],
    [['Runway.yml'], 'model-config/misnamed', '`Runway.yml`'],
    [['.runway.yml'], 'model-config/misnamed', '`.runway.yml`'],
    [['models/a/runway.yml'], 'model-config/not-in-root', '`models/a/runway.yml`'],
    [['cog.yaml', 'predict.py'], 'model-config/other-tool', 'cog'],
    [['environment.yml'], 'model-config/other-tool', 'repo2docker'],
    [['binder/postBuild'], 'model-config/other-tool', '`binder/postBuild`'],
    [['requirements.txt', 'setup.py'], 'model-config/missing', '`- pip install -r requirements.txt`'],
    [[], 'model-config/missing', 'There is no `runway.yml`'],
  ])('of %j says %s', (files, code, words) => {
    const missing = describeMissingConfig(files)
    expect(missing.code).toBe(code)
    expect(missing.sentence).toContain(words)
    expect(missing.sentence).toMatch(/^[A-Z].*\.$/)
  })

  it('does not take the right name for a wrong one', () => {
    expect(isMisnamed('runway.yml')).toBe(false)
    expect(isMisnamed('runway_model.py')).toBe(false)
  })
})
