import { basename } from 'node:path'

/**
 * How many tests a level ran, and the names of those that failed, as far as they have one.
 *
 * @typedef {{ passed: number, failed: number, skipped: number, failures: string[] }} Counts
 */

/**
 * Counts from the JSON report of a GoogleTest program (`GTEST_OUTPUT=json:`).
 *
 * @param {string} json
 * @returns {Counts}
 */
export function gtestCounts(json) {
  /**
   * @type {{
   *   testsuites: {
   *     testsuite: { classname: string, name: string, result: string, failures?: unknown[] }[]
   *   }[]
   * }}
   */
  const { testsuites } = JSON.parse(json)
  const tests = testsuites.flatMap(({ testsuite }) => testsuite)
  const failures = tests
    .filter((test) => test.failures !== undefined)
    .map(({ classname, name }) => `${classname}.${name}`)
  const failed = failures.length
  const completed = tests.filter(({ result }) => result === 'COMPLETED').length
  return { passed: completed - failed, failed, skipped: tests.length - completed, failures }
}

/**
 * Counts from the report of vitest's JSON reporter. A file that failed without a failed test in it,
 * because it could not be loaded, counts as one.
 *
 * @param {string} json
 * @returns {Counts}
 */
export function vitestCounts(json) {
  /**
   * @type {{
   *   testResults: {
   *     name: string,
   *     status: string,
   *     assertionResults: { status: string, fullName: string }[]
   *   }[]
   * }}
   */
  const { testResults } = JSON.parse(json)
  const counts = { passed: 0, failed: 0, skipped: 0 }
  /** @type {string[]} */
  const failures = []
  for (const file of testResults) {
    const before = failures.length
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') counts.passed++
      else if (status === 'failed') failures.push(`${basename(file.name)}: ${fullName}`)
      else counts.skipped++
    }
    if (file.status === 'failed' && failures.length === before) failures.push(basename(file.name))
  }
  return { ...counts, failed: failures.length, failures }
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
export function levelCounts({ passed, failed, skipped, failures }, ok, { skipsFail }) {
  const counts = skipsFail
    ? { passed, failed: failed + skipped, skipped: 0, failures }
    : { passed, failed, skipped, failures }
  if (counts.failed === 0 && (!ok || passed === 0)) counts.failed = 1
  return counts
}
