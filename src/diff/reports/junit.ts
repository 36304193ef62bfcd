import { escapeXml, visible } from '../../formats/text.ts'
import type { DiffResult, GateResult } from '../result.ts'
import type { ReportOptions } from './report.ts'
import { changeText, comparedText, PlaceWords, rangeText, totalText, verdictText } from './words.ts'

/**
 * A test case for each gate, in the XML that JUnit made common: a regression is a failure, what could
 * not be decided is skipped, or a failure when that is asked for. Without gates there is one case
 * that tells the total.
 */
export function* junitXml(result: DiffResult, options: ReportOptions): Iterable<string> {
  const { gates } = result
  const outcomes = gates.map((gate) => elementOf(gate, options))
  const count = (name: string) => outcomes.filter((each) => each === name).length
  const counts =
    `tests="${Math.max(1, gates.length)}" failures="${count('failure')}" errors="0" ` +
    `skipped="${count('skipped')}"`
  const words = new PlaceWords(result)
  const compared = comparedText(result)
  yield '<?xml version="1.0" encoding="UTF-8"?>\n'
  yield `<testsuites name="pyprof diff" ${counts}>\n<testsuite name="pyprof diff" ${counts}>\n`
  if (gates.length === 0) {
    yield `<testcase classname="pyprof diff" name="total">\n<system-out>${text(
      `${totalText(result)}\n${verdictText(result)}\n${compared}`,
    )}</system-out>\n</testcase>\n`
  }
  for (const [at, gate] of gates.entries()) {
    yield `<testcase classname="pyprof diff" name="${text(gate.gate)}">\n`
    const element = outcomes[at]!
    const details = gate.proven.map(
      (row) => `${changeText(row)} (${rangeText(row)})  ${words.name(row)}  ${words.at(row)}`,
    )
    if (element === 'system-out')
      yield `<system-out>${text(`${gate.reason}\n${compared}`)}</system-out>\n`
    else {
      const message = `${gate.outcome}: ${gate.reason}`
      yield `<${element} message="${text(message)}">${text([message, ...details, compared].join('\n'))}</${element}>\n`
    }
    yield '</testcase>\n'
  }
  yield '</testsuite>\n</testsuites>\n'
}

function elementOf({ outcome }: GateResult, { failsInconclusive }: ReportOptions) {
  if (outcome === 'pass') return 'system-out'
  return outcome === 'regression' || failsInconclusive ? 'failure' : 'skipped'
}

/** Foreign text for XML; line breaks stay. */
function text(content: string): string {
  return content
    .split('\n')
    .map((line) => escapeXml(visible(line)))
    .join('\n')
}
