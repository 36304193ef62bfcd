import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunInput } from '../../diff/run.ts'
import { EXIT, PyprofError, usageError } from '../../errors.ts'
import { viewed } from '../../profile/viewed.ts'
import { unmatchedTexts } from '../choice.ts'
import type { CommandContext } from '../context.ts'
import { readProfile } from '../convert/read-profile.ts'
import { errorCode, errorText } from '../stdio.ts'
import { WorkProgress } from '../work-progress.ts'
import type { DiffOptions } from './options.ts'

/** Kinds of files that add samples up, so that they have no times of their own. */
const TIMELESS: ReadonlySet<string> = new Set(['pprof', 'collapsed'])

/**
 * The runs in some files, one after the other, in the mode and with the choice that the options ask
 * for.
 * @param needsTimes whether each sample is needed by itself; else only sums are
 * @throws PyprofError when one cannot be read, or holds nothing
 */
export function* readRuns(
  files: readonly string[],
  { mode, choice, rate }: Pick<DiffOptions, 'mode' | 'choice' | 'rate'>,
  needsTimes: boolean,
  context: CommandContext,
): Iterable<RunInput> {
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  const needed = needsTimes
    ? ({ holds: 'all' } as const)
    : // CPU time belongs to samples that follow each other.
      ({ holds: 'sums', timeline: mode === 'cpu' } as const)
  const progress = new WorkProgress(context)
  for (const path of files) {
    const options = { range, rate, ...needed }
    const { profile: whole, format, notes, close } = readProfile(path, options, progress)
    // Sums are all that is compared here; of everything else a reader should know.
    for (const note of format === 'pprof' ? [] : notes) context.writeErr(`${path}: ${note}\n`)
    if (whole.samples.length === 0) throw nothingIn(path, 'It has no samples.')
    const { profile, unmatched } = viewed(whole, {
      mode: mode ?? whole.meta.mode,
      idle: false,
      choice,
    })
    for (const each of unmatched) {
      const [why, hint] = unmatchedTexts(each)
      context.writeErr(`${path}: ${why} ${hint}\n`)
    }
    if (profile.samples.length === 0) {
      throw nothingIn(path, 'No samples are left of it with these options.')
    }
    yield { name: path, profile, isTimed: !TIMELESS.has(format) }
    close?.()
  }
}

/**
 * The files, with folders replaced by what is in them, by name.
 * @throws PyprofError code `usage`
 */
export function filesOf(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    let names: string[]
    try {
      if (!statSync(path).isDirectory()) return [path]
      names = readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => entry.name)
        .sort()
    } catch (error) {
      if (errorCode(error) === '') throw error
      throw usageError(
        `${path} cannot be read.`,
        `The system says: ${errorText(error)}.`,
        'Check its name and permissions.',
      )
    }
    if (names.length > 0) return names.map((name) => join(path, name))
    throw usageError(
      `${path} is empty.`,
      'A folder stands for the profiles in it.',
      'Record some runs into it first.',
    )
  })
}

function nothingIn(path: string, why: string): PyprofError {
  return new PyprofError({
    code: 'nothing-left',
    what: `${path} holds nothing to compare.`,
    why,
    hint: 'Leave it out, or record it again: pyprof record',
    exitCode: EXIT.nothing,
  })
}
