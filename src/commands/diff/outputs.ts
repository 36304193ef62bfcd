import type { Comparison } from '../../diff/compare.ts'
import { flameDiff } from '../../diff/reports/flame.ts'
import { diffPage } from '../../diff/reports/html.ts'
import { junitXml } from '../../diff/reports/junit.ts'
import { diffMarkdown } from '../../diff/reports/markdown.ts'
import type { ReportOptions } from '../../diff/reports/report.ts'
import { diffTable } from '../../diff/reports/table.ts'
import { EXIT, PyprofError, usageError } from '../../errors.ts'
import type { CommandContext } from '../context.ts'
import { type Output, planOutputs } from '../record/outputs.ts'
import { writeOutput } from '../record/write-output.ts'
import { errorCode, errorText } from '../stdio.ts'

/** What a comparison can be written as. */
interface DiffFormat {
  readonly name: string
  readonly suffixes: readonly string[]
  write(comparison: Comparison, title: string, options: ReportOptions): Iterable<string>
}

const FORMATS: readonly DiffFormat[] = [
  { name: 'flame graph', suffixes: ['.svg'], write: (diff, title) => flameDiff(diff, title) },
  {
    name: 'page',
    suffixes: ['.html', '.htm'],
    write: (diff, title, options) => diffPage(diff.result, title, flameDiff(diff, title), options),
  },
  {
    name: 'markdown',
    suffixes: ['.md', '.markdown'],
    write: ({ result }, _, options) => [diffMarkdown(result, options)],
  },
  {
    name: 'json',
    suffixes: ['.json'],
    write: ({ result }) => [`${JSON.stringify(result, null, 2)}\n`],
  },
  {
    name: 'junit',
    suffixes: ['.xml'],
    write: ({ result }, _, options) => junitXml(result, options),
  },
  {
    name: 'table',
    suffixes: ['.txt'],
    write: ({ result }, _, { columns: __, ...options }) => diffTable(result, options),
  },
]

/**
 * Finds out, before anything is read, whether the outputs can be written.
 * @throws PyprofError code `usage`
 */
export function planDiffOutputs(paths: readonly string[]): Output<DiffFormat>[] {
  return planOutputs(
    paths.map((path) => {
      const format = FORMATS.find(({ suffixes }) =>
        suffixes.some((suffix) => path.toLowerCase().endsWith(suffix)),
      )
      if (format) return { path, format, isDefault: false }
      throw usageError(
        `What ${path} should hold is not known.`,
        'Its suffix means nothing here.',
        `Name it with ${FORMATS.flatMap(({ suffixes }) => suffixes[0]!).join(', ')}; stdout gets the table, or --json or --markdown.`,
      )
    }),
  )
}

/** Writes all outputs; one that fails does not keep the others from being written. */
export function writeDiffOutputs(
  comparison: Comparison,
  outputs: readonly Output<DiffFormat>[],
  title: string,
  options: ReportOptions,
  context: CommandContext,
): PyprofError[] {
  return outputs.flatMap((output) => {
    try {
      const pieces = output.format.write(comparison, title, options)
      writeOutput(output, pieces, (data) => context.writeOut(data))
      return []
    } catch (error) {
      if (errorCode(error) === '') throw error
      return [
        new PyprofError({
          code: 'output-failed',
          what: `${output.path} could not be written.`,
          why: `The system says: ${errorText(error)}.`,
          hint: 'Choose another file with -o FILE.',
          exitCode: EXIT.nothing,
          cause: error,
        }),
      ]
    }
  })
}
