import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunInput } from '../../diff/run.ts'
import { EXIT, PyprofError, usageError } from '../../errors.ts'
import { readPprof } from '../../formats/pprof/read.ts'
import { chosen } from '../../profile/choice.ts'
import { viewInMode } from '../../profile/modes.ts'
import type { Profile } from '../../profile/profile.ts'
import { unmatchedTexts } from '../choice.ts'
import type { CommandContext } from '../context.ts'
import { errorCode, errorText } from '../stdio.ts'
import type { DiffOptions } from './options.ts'

/**
 * The runs in some files, and in the files of some folders, one after the other, in the mode and
 * with the choice that the options ask for.
 * @throws PyprofError when one cannot be read, or holds nothing
 */
export function* readRuns(
  paths: readonly string[],
  { mode, choice }: DiffOptions,
  context: CommandContext,
): Iterable<RunInput> {
  for (const path of filesOf(paths)) {
    const { profile: whole, isTimed } = readProfileFile(path)
    if (whole.samples.length === 0) throw nothingIn(path, 'It has no samples.')
    const view = chosen(viewInMode(whole, { mode, idle: false }).profile, choice)
    for (const each of view.unmatched) {
      const [why, hint] = unmatchedTexts(each)
      context.writeErr(`${path}: ${why} ${hint}\n`)
    }
    if (view.profile.samples.length === 0) {
      throw nothingIn(path, 'No samples are left of it with these options.')
    }
    yield { name: path, profile: view.profile, isTimed }
  }
}

/** The files, with folders replaced by what is in them, by name. */
function filesOf(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    try {
      if (!statSync(path).isDirectory()) return [path]
      const names = readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => entry.name)
        .sort()
      if (names.length > 0) return names.map((name) => join(path, name))
    } catch (error) {
      throw unreadable(path, error)
    }
    throw usageError(
      `${path} is empty.`,
      'A folder stands for the profiles in it.',
      'Record some runs into it first.',
    )
  })
}

/**
 * A profile of any kind that pyprof reads.
 * @throws PyprofError
 */
export function readProfileFile(path: string): {
  readonly profile: Profile
  readonly isTimed: boolean
} {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  return { profile: readPprof(bytes), isTimed: false }
}

function unreadable(path: string, error: unknown): unknown {
  if (errorCode(error) === '') return error
  return usageError(
    `${path} cannot be read.`,
    `The system says: ${errorText(error)}.`,
    'Check its name and permissions.',
  )
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
