/**
 * How many tests a level ran.
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

/**
 * Counts from the JSON report of a GoogleTest program (`GTEST_OUTPUT=json:`).
 *
 * @param {string} json
 * @returns {Counts}
 */
export function gtestCounts(json) {
  /** @type {{ testsuites: { testsuite: { result: string, failures?: unknown[] }[] }[] }} */
  const { testsuites } = JSON.parse(json)
  const tests = testsuites.flatMap(({ testsuite }) => testsuite)
  const failed = tests.filter(({ failures }) => failures !== undefined).length
  const completed = tests.filter(({ result }) => result === 'COMPLETED').length
  return { passed: completed - failed, failed, skipped: tests.length - completed }
}

/**
 * Counts from the report of vitest's JSON reporter. A file that failed without a failed test in it,
 * because it could not be loaded, counts as one.
 *
 * @param {string} json
 * @returns {Counts}
 */
export function vitestCounts(json) {
  /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  const { testResults } = JSON.parse(json)
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of testResults) {
    const before = counts.failed
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++
      else if (status === 'failed') counts.failed++
      else counts.skipped++
    }
    if (file.status === 'failed' && counts.failed === before) counts.failed++
  }
  return counts
}

/**
 * What a level counts for. One that failed without a failed test counts as one failure, and so does
 * one in which no test ran, because that proves nothing.
 *
 * @param {Counts} counts
 * @param {boolean} ok whether the level's own exit status was 0
 * @param {{ skipsFail: boolean }} options skipsFail: whether skipped tests are failures, as in CI
 * @returns {Counts}
 */
export function levelCounts({ passed, failed, skipped }, ok, { skipsFail }) {
  const counts = skipsFail
    ? { passed, failed: failed + skipped, skipped: 0 }
    : { passed, failed, skipped }
  if (counts.failed === 0 && (!ok || passed === 0)) counts.failed = 1
  return counts
}
