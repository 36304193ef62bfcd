import { statSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { usageError } from '../errors.ts'
import {
  COLOURINGS,
  FORMATS,
  type Format,
  type FormatOption,
  type FormatOptions,
  FRAME_STYLES,
  formatNamed,
  SHAPES,
} from '../formats/index.ts'
import { parseText } from './parse.ts'

/** Options of formats as commander gives them. */
export interface RawFormatOptions
  extends Omit<FormatOptions, 'threads' | 'columns' | 'findSource'> {
  readonly threads?: boolean
}

/** Adds the options that say how outputs are written; each belongs to some formats. */
export function addFormatOptions(command: Command): Command {
  return command
    .option('-t, --threads', 'show every thread as a root frame of its own')
    .option(
      '--title <text>',
      'what the output calls itself (default: the command of the target)',
      parseText,
    )
    .addOption(
      new Option('--style <style>', 'collapsed: names as this profiler writes them').choices(
        FRAME_STYLES,
      ),
    )
    .addOption(
      new Option('--shape <shape>', 'flamegraph: icicle has its root on top, flame below').choices(
        SHAPES,
      ),
    )
    .option('--inverted', 'flamegraph: innermost frames at the root, their callers on them')
    .addOption(
      new Option('--colours <by>', 'flamegraph: one hue a package, or one a module').choices(
        COLOURINGS,
      ),
    )
    .option('--min-width <px>', 'flamegraph: narrower boxes are not drawn', parseWidth)
    .option('--top <count>', 'table, markdown, json: how many functions and lines', parseTop)
    .addOption(
      new Option('--sort <time>', 'table, markdown, json: by self time, or by total time').choices([
        'self',
        'total',
      ]),
    )
    .option(
      '--source-root <folder>',
      'heatmap: where to look for sources first; may be given several times',
      parseFolder,
    )
}

const FLAGS: Readonly<Record<Exclude<FormatOption, 'columns' | 'findSource'>, string>> = {
  title: '--title',
  style: '--style',
  shape: '--shape',
  inverted: '--inverted',
  colours: '--colours',
  minWidth: '--min-width',
  top: '--top',
  sort: '--sort',
  sourceRoot: '--source-root',
}

/**
 * The options for formats to write with.
 * @param formats those of the outputs
 * @throws PyprofError code `usage` for an option that none of them has
 */
export function formatOptionsOf(raw: RawFormatOptions, formats: readonly Format[]): FormatOptions {
  const given: Record<string, unknown> = { threads: raw.threads ?? false }
  for (const [option, flag] of Object.entries(FLAGS) as [keyof typeof FLAGS, string][]) {
    if (raw[option] === undefined) continue
    if (!formats.some((format) => format.options.includes(option)))
      throw unfit(option, flag, formats)
    given[option] = raw[option]
  }
  return given as unknown as FormatOptions
}

function unfit(option: FormatOption, flag: string, formats: readonly Format[]) {
  const having = FORMATS.filter((format) => format.options.includes(option))
  const asked = [...new Set(formats.map(({ name }) => name))]
  return usageError(
    `${flag} says nothing about ${listed(asked, 'or')}.`,
    `It is an option of ${listed(
      having.map(({ name }) => name),
      'and',
    )}.`,
    `Leave it out, or add such an output: -o out${having[0]!.suffixes[0]}`,
  )
}

/** A format by its name. @throws InvalidArgumentError */
export function parseFormat(name: string): Format {
  const format = formatNamed(name)
  if (!format) throw new InvalidArgumentError(`Expected ${formatNames('or')}.`)
  return format
}

/** `speedscope, collapsed or flamegraph`: the names of all formats. */
export function formatNames(last: string): string {
  return listed(
    FORMATS.map(({ name }) => name),
    last,
  )
}

function listed(words: readonly string[], last: string): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}

function parseFolder(folder: string, folders: readonly string[] = []): readonly string[] {
  try {
    if (statSync(folder).isDirectory()) return [...folders, folder]
  } catch {
    // Not there, or not to be looked at.
  }
  throw new InvalidArgumentError('Expected a folder that is there.')
}

/** How many rows of a table. */
export function parseTop(text: string): number {
  const top = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (top < 1) throw new InvalidArgumentError('Expected a number from 1 to 99999.')
  return top
}

function parseWidth(text: string): number {
  const width = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN
  if (!(width >= 0.01 && width <= 100)) {
    throw new InvalidArgumentError('Expected a width in pixels, 0.01 to 100.')
  }
  return width
}
