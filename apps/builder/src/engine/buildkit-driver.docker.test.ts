import { afterAll } from 'vitest'
import { describeBuildDriver } from './build-driver-conformance.ts'
import { buildkitDriver } from './buildkit-driver.ts'
import { openTestEngine, testBase, testDriverConfig } from './docker-testing.ts'

let close = async () => {}
afterAll(() => close(), 60_000)

describeBuildDriver('buildkit', async () => {
  const { engine, ...opened } = await openTestEngine()
  close = opened.close
  const baseImage = await testBase()
  const config = await testDriverConfig(baseImage)
  return {
    engine,
    baseImage,
    driver: buildkitDriver(engine, { ...config, unheldLimits: 'accept' }),
    strictDriver: buildkitDriver(engine, config),
  }
})
