import type { BuildDriver } from './build-driver.ts'
import { buildkitDriver } from './buildkit-driver.ts'
import { classicDriver } from './classic-driver.ts'
import { containerDriver } from './container-driver.ts'
import type { DriverConfig } from './driver-config.ts'
import type { Engine } from './engine.ts'

/** The driver that the operator chose by `BUILD_ENGINE`. */
export function openBuildDriver(name: BuildDriver['name'], engine: Engine, config: DriverConfig): BuildDriver {
  switch (name) {
    case 'container':
      return containerDriver(engine, config)
    case 'classic':
      return classicDriver(engine, config)
    case 'buildkit':
      return buildkitDriver(engine, config)
  }
}
