import { visible } from '../../formats/text.ts'
import type { Check } from '../../sampling/diagnosis.ts'
import { CONTAINERS_PAGE } from '../../sampling/remedies.ts'
import type { Diagnosis } from '../doctor.ts'

const VERDICT_WIDTH = 9
const ID_WIDTH = 19
const PLACE_WIDTH = 12

/** The diagnosis as lines of text; foreign text in it is made harmless. */
export function reportLines(diagnosis: Diagnosis): string[] {
  const { checks, target } = diagnosis
  return [
    ...(target === null ? [] : [`Process ${target.pid}: ${visible(target.command)}`, '']),
    ...checks.flatMap(checkLines),
    '',
    conclusion(diagnosis),
    ...(checks.some(({ remedies }) => remedies.length > 1)
      ? [`Each line in its whole file: ${CONTAINERS_PAGE}`]
      : []),
  ]
}

function checkLines({ id, verdict, text, remedies }: Check): string[] {
  const word = verdict === 'note' ? '-' : verdict
  const first = `${word.padEnd(VERDICT_WIDTH)}${id.padEnd(ID_WIDTH)}${visible(text)}`
  const indent = ' '.repeat(VERDICT_WIDTH + ID_WIDTH)
  return [
    first,
    ...remedies.map(({ place, line }) => `${indent}${place.padEnd(PLACE_WIDTH)}${line}`),
  ]
}

function conclusion({ pid, canRecord, checks }: Diagnosis): string {
  if (pid !== null) {
    return canRecord
      ? `pyprof record can read process ${pid}.`
      : `pyprof record cannot read process ${pid}.`
  }
  if (canRecord) return 'Everything that pyprof record needs works here.'
  const failed = checks.filter(({ needed, verdict }) => needed && verdict === 'no')
  return `Not all that pyprof record needs works here: ${failed.map(({ id }) => id).join(', ')}.`
}
