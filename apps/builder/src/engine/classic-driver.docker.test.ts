import { afterAll } from 'vitest'
import { describeBuildDriver } from './build-driver-conformance.ts'
import { classicDriver } from './classic-driver.ts'
import { openTestEngine, testBase, testDriverConfig } from './docker-testing.ts'

let close = async () => {}
afterAll(() => close(), 60_000)

describeBuildDriver('classic', async () => {
  const { engine, ...opened } = await openTestEngine()
  close = opened.close
  const baseImage = await testBase()
  const config = await testDriverConfig(baseImage)
  return {
    engine,
    baseImage,
    driver: classicDriver(engine, { ...config, unheldLimits: 'accept' }),
    strictDriver: classicDriver(engine, config),
  }
})
