import { describe, expect, test } from 'vitest'
import { gtestCounts, levelCounts, vitestCounts } from '../../scripts/lib/counts.mjs'

describe('what npm test counts', () => {
  test('GoogleTest: passes, failures, and what was skipped or is disabled', () => {
    const report = {
      testsuites: [
        { testsuite: [{ result: 'COMPLETED' }, { result: 'SKIPPED' }] },
        {
          testsuite: [
            { result: 'COMPLETED', failures: [{ failure: 'a.cc:1 no' }, { failure: 'a.cc:2 no' }] },
            { result: 'SUPPRESSED' },
            { result: 'COMPLETED' },
          ],
        },
      ],
    }
    expect(gtestCounts(JSON.stringify(report))).toEqual({ passed: 2, failed: 1, skipped: 2 })
  })

  test('vitest: a file that could not be loaded is a failure', () => {
    const file = (status: string, ...statuses: string[]) => ({
      status,
      assertionResults: statuses.map((each) => ({ status: each })),
    })
    const report = {
      testResults: [
        file('passed', 'passed', 'passed', 'pending', 'todo'),
        file('failed', 'passed', 'failed'),
        file('failed'),
      ],
    }
    expect(vitestCounts(JSON.stringify(report))).toEqual({ passed: 3, failed: 2, skipped: 2 })
  })

  test('a level that failed, or ran nothing, is never without a failure', () => {
    const options = { skipsFail: false }
    const none = { passed: 0, failed: 0, skipped: 0 }
    expect(levelCounts(none, true, options).failed).toBe(1)
    expect(levelCounts({ passed: 0, failed: 0, skipped: 4 }, true, options).failed).toBe(1)
    expect(levelCounts({ passed: 5, failed: 0, skipped: 0 }, false, options).failed).toBe(1)
    expect(levelCounts({ passed: 5, failed: 2, skipped: 0 }, false, options).failed).toBe(2)
    expect(levelCounts({ passed: 5, failed: 0, skipped: 1 }, true, options)).toEqual({
      passed: 5,
      failed: 0,
      skipped: 1,
    })
  })

  test('in CI a skipped test is a failed one', () => {
    const counts = { passed: 5, failed: 1, skipped: 2 }
    expect(levelCounts(counts, true, { skipsFail: true })).toEqual({
      passed: 5,
      failed: 3,
      skipped: 0,
    })
  })
})
