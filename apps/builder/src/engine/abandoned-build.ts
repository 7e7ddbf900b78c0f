import { containerDriver } from './container-driver.ts'
import { testDriverConfig, testSocket } from './docker-testing.ts'
import { openEngine } from './engine.ts'

// A worker of one build, for a test to kill: `abandoned-build.ts INSTALLATION BASE`. It prints what the step prints.
const [installation, baseImage] = process.argv.slice(2) as [string, string]
const engine = openEngine({ socketPath: testSocket, installation })
const driver = containerDriver(engine, { ...(await testDriverConfig(baseImage)), graceSeconds: 2 })
await driver.buildImage(
  {
    buildId: 'abandoned',
    epoch: 4,
    target: 'cpu',
    cacheScope: 'abandoned',
    cacheSalt: '',
    substitutionPolicy: 'exact',
    useCache: false,
    baseImage,
    plan: {
      target: 'cpu',
      files: [],
      emptyDirectories: [],
      ignored: [],
      layers: [{ kind: 'step', number: 1, text: 'echo begun; sleep 600', hoisted: false }],
      entrypoint: 'true',
      env: {},
    },
    sourceDir: '/',
    limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, seconds: 4, logBytes: 2 ** 20, diskBytes: 2 ** 28 },
    egress: 'public',
    labels: {},
    signal: new AbortController().signal,
  },
  { stepStarted: async () => {}, stepEnded: async () => {}, line: (_step, _stream, text) => console.log(text) },
)
