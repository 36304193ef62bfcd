import { type Command, InvalidArgumentError, Option } from 'commander'
import { visible } from '../formats/text.ts'
import type { Choice, Unmatched } from '../profile/choice.ts'
import {
  type FramePattern,
  framePattern,
  PatternError,
  type ThreadPattern,
  threadPattern,
} from '../profile/pattern.ts'
import type { Granularity } from '../profile/profile.ts'

/** Options of a choice as commander gives them. */
export interface RawChoice {
  readonly thread?: readonly ThreadPattern[]
  readonly include?: readonly FramePattern[]
  readonly exclude?: readonly FramePattern[]
  readonly stdlib: boolean
  readonly lines?: boolean
  readonly functions?: boolean
  readonly modules?: boolean
}

/** Adds the options that choose what of a recording is shown, and as what. */
export function addChoiceOptions(command: Command): Command {
  const granularity = (flags: string, text: string, ...others: string[]) =>
    command.addOption(new Option(flags, text).conflicts(others))
  command
    .option(
      '--thread <name>',
      "only this thread: its name ('worker-*'), /REGEX/ or tid; may be given several times",
      several(threadPattern),
    )
    .option(
      '--include <pattern>',
      'only samples with such a frame: function:NAME, file:PATH, module:NAME, or just the name; ' +
        'may be given several times',
      several(framePattern),
    )
    .option(
      '--exclude <pattern>',
      'no samples with such a frame; may be given several times',
      several(framePattern),
    )
    .option('--no-stdlib', 'fold the frames of the standard library into their callers')
  granularity('--lines', 'a frame is a line of a function (the default)', 'functions', 'modules')
  granularity('-F, --functions', 'a frame is a function', 'lines', 'modules')
  granularity('--modules', 'a frame is a module or a package', 'lines', 'functions')
  return command
}

/** The choice that options ask for. */
export function choiceOf(raw: RawChoice): Choice {
  return {
    threads: raw.thread ?? [],
    include: raw.include ?? [],
    exclude: raw.exclude ?? [],
    stdlib: raw.stdlib,
    granularity: granularityOf(raw),
  }
}

function granularityOf({ functions, modules }: RawChoice): Granularity {
  if (modules) return 'modules'
  return functions ? 'functions' : 'lines'
}

/** Collects the values of an option that may be given several times. */
function several<T>(parse: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => {
    try {
      return [...before, parse(text)]
    } catch (error) {
      if (error instanceof PatternError) throw new InvalidArgumentError(error.message)
      throw error
    }
  }
}

/** What to say of a pattern that matches nothing: why, and what may have been meant. */
export function unmatchedTexts({ option, pattern, near }: Unmatched): [why: string, hint: string] {
  const names = near.map((name) => `'${visible(name)}'`).join(', ')
  if (option === '--thread') {
    const why = `${option} '${visible(pattern)}' is no thread's name, nor its tid.`
    return [why, names === '' ? 'There are no threads.' : `The threads are ${names}.`]
  }
  const kind = /^(function|file|module):/.exec(pattern)?.[1] ?? 'function, file or module'
  const why = `${option} '${visible(pattern)}' matches no ${kind}.`
  return [why, names === '' ? 'Look at all there is without it.' : `Near to it: ${names}.`]
}
