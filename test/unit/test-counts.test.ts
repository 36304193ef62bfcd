import { describe, expect, test } from 'vitest'
import { ctestCounts, levelCounts, vitestCounts } from '../../scripts/lib/counts.mjs'

/** As ctest 3.25 prints it for a program of six GoogleTest tests. */
const CTEST = `
      Start 1: A.Ok
1/6 Test #1: A.Ok .............................   Passed    0.00 sec
2/6 Test #2: A.Bad ............................***Failed    0.01 sec
Note: Google Test filter = A.Bad
[  PASSED  ] 0 tests.
3/6 Test #4: A.Off ............................***Not Run (Disabled)   0.00 sec
4/6 Test #3: A.Skip ...........................***Skipped   0.01 sec
5/6 Test #6: A.Abort ..........................Subprocess aborted***Exception:   0.00 sec
6/6 Test #5: A.Segv ...........................***Exception: SegFault  0.01 sec

40% tests passed, 3 tests failed out of 5`

describe('what npm test counts', () => {
  test('ctest: passes, every way to fail, and what did not run', () => {
    expect(ctestCounts(CTEST)).toEqual({ passed: 1, failed: 3, skipped: 2 })
    expect(ctestCounts('No tests were found!!!')).toEqual({ passed: 0, failed: 0, skipped: 0 })
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
