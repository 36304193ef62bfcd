import { EXIT, PyprofError } from '../errors.ts'
import type { CommandContext } from './context.ts'
import { errorCode, errorText } from './stdio.ts'

/**
 * Prints the result of a command to stdout. A reader that stops early, such as head, is no error.
 * @throws PyprofError code `output-failed`
 */
export function show(text: string, context: CommandContext): void {
  try {
    context.writeOut(text)
  } catch (error) {
    if (errorCode(error) === 'EPIPE') return
    if (errorCode(error) === '') throw error
    throw new PyprofError({
      code: 'output-failed',
      what: 'The result could not be written to stdout.',
      why: `The system says: ${errorText(error)}.`,
      hint: 'Choose another file or device for stdout.',
      exitCode: EXIT.nothing,
      cause: error,
    })
  }
}

/** The same object that a text is made from, as JSON to stdout. */
export function showJson(result: object, context: CommandContext): void {
  show(`${JSON.stringify(result, null, 2)}\n`, context)
}
