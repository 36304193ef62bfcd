import { describe, expect, test } from 'vitest'
import { gtestCounts, levelCounts, vitestCounts } from '../../scripts/lib/counts.mjs'

describe('what npm test counts', () => {
  test('GoogleTest: passes, failures, and what was skipped or is disabled', () => {
    const report = {
      testsuites: [
        { testsuite: [{ result: 'COMPLETED' }, { result: 'SKIPPED' }] },
        {
          testsuite: [
            {
              classname: 'Walk',
              name: 'ends',
              result: 'COMPLETED',
              failures: [{ failure: 'a.cc:1 no' }, { failure: 'a.cc:2 no' }],
            },
            { result: 'SUPPRESSED' },
            { result: 'COMPLETED' },
          ],
        },
      ],
    }
    expect(gtestCounts(JSON.stringify(report))).toEqual({
      passed: 2,
      failed: 1,
      skipped: 2,
      failures: ['Walk.ends'],
    })
  })

  test('vitest: a file that could not be loaded is a failure', () => {
    const file = (name: string, status: string, ...statuses: string[]) => ({
      name: `test/${name}.test.ts`,
      status,
      assertionResults: statuses.map((each) => ({ status: each, fullName: `that ${each}` })),
    })
    const report = {
      testResults: [
        file('whole', 'passed', 'passed', 'passed', 'pending', 'todo'),
        file('partly', 'failed', 'passed', 'failed'),
        file('not-at-all', 'failed'),
      ],
    }
    expect(vitestCounts(JSON.stringify(report))).toEqual({
      passed: 3,
      failed: 2,
      skipped: 2,
      failures: ['partly.test.ts: that failed', 'not-at-all.test.ts'],
    })
  })

  test('a level that failed, or ran nothing, is never without a failure', () => {
    const options = { skipsFail: false }
    const failures: string[] = []
    const none = { passed: 0, failed: 0, skipped: 0, failures }
    expect(levelCounts(none, true, options).failed).toBe(1)
    expect(levelCounts({ ...none, skipped: 4 }, true, options).failed).toBe(1)
    expect(levelCounts({ ...none, passed: 5 }, false, options).failed).toBe(1)
    expect(levelCounts({ ...none, passed: 5, failed: 2 }, false, options).failed).toBe(2)
    expect(levelCounts({ ...none, passed: 5, skipped: 1 }, true, options)).toEqual({
      passed: 5,
      failed: 0,
      skipped: 1,
      failures: [],
    })
  })

  test('in CI a skipped test is a failed one', () => {
    const counts = { passed: 5, failed: 1, skipped: 2, failures: ['one'] }
    expect(levelCounts(counts, true, { skipsFail: true })).toEqual({
      passed: 5,
      failed: 3,
      skipped: 0,
      failures: ['one'],
    })
  })
})
