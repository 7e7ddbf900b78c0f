import { afterAll } from 'vitest'
import { describeBuildDriver } from './build-driver-conformance.ts'
import { containerDriver } from './container-driver.ts'
import { openTestEngine, testBase, testDriverConfig } from './docker-testing.ts'

let close = async () => {}
afterAll(() => close(), 60_000)

describeBuildDriver('container', async () => {
  const { engine, ...opened } = await openTestEngine()
  close = opened.close
  const baseImage = await testBase()
  const driver = containerDriver(engine, await testDriverConfig(baseImage))
  return { engine, baseImage, driver, strictDriver: driver }
})
