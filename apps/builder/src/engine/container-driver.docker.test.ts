import { afterAll } from 'vitest'
import { describeBuildDriver } from './build-driver-conformance.ts'
import { containerDriver } from './container-driver.ts'
import { openTestEngine, testBase, testEgress } from './docker-testing.ts'

let close = async () => {}
afterAll(() => close(), 60_000)

describeBuildDriver('container', async () => {
  const opened = await openTestEngine()
  close = opened.close
  const baseImage = await testBase(opened.engine)
  const driver = containerDriver(opened.engine, {
    egress: await testEgress(baseImage),
    minFreeBytes: 2 ** 30,
    minFreeInodes: 10_000,
  })
  return { engine: opened.engine, driver, baseImage }
})
