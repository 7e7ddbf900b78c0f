import { defineConfig } from 'vitest/config'

const ours = ['apps', 'packages', 'infra', 'test']
const named = (kind: string) => ours.map((room) => `${room}/**/*.${kind}.test.{ts,tsx}`)
const never = ['**/node_modules/**', '**/.next/**', '**/fixtures/**']

export default defineConfig({
  // The site's TSX is compiled as Next does it.
  oxc: { jsx: { runtime: 'automatic' } },
  test: {
    environment: 'node',
    // A test that was left alone by mistake would hide all others.
    allowOnly: false,
    // Vitest leaves one core of two to itself, which does nothing with it.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ours.map((room) => `${room}/**/*.test.{ts,tsx}`),
          exclude: [...never, ...['services', 'docker', 'e2e'].flatMap(named)],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          globalSetup: ['test/database.ts'],
          include: named('services'),
          exclude: never,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // The engine is one for all: files run one at a time, so that they can count what they made in it.
        test: {
          name: 'docker',
          include: named('docker'),
          exclude: never,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          globalSetup: ['test/image-registry.ts'],
          include: ['test/**/*.e2e.test.ts'],
          exclude: never,
          testTimeout: 600_000,
          hookTimeout: 900_000,
          // Each file has a stack of its own, and most of its time waits.
        },
      },
    ],
  },
})
