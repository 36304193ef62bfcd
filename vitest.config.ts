import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    // All but the integration tests, which run one after the other.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        // Fuzzed readers take seconds on a busy machine.
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Needs a free-threaded Python, PYPROF_FREE_THREADED.
        extends: true,
        test: {
          name: 'free-threaded',
          include: ['test/free-threaded/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        // Compares readings of one program with one another: needs a machine without other work.
        extends: true,
        test: {
          name: 'truth',
          include: ['test/truth/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
