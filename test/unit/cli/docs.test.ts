import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { buildProgram } from '../../../src/commands/program.ts'

const DOCS = join(import.meta.dirname, '..', '..', '..', 'docs')
const CLI = readFileSync(join(DOCS, 'cli.md'), 'utf8')
const PAGES = readdirSync(DOCS).filter((name) => name.endsWith('.md'))
const ALL = PAGES.map((name) => readFileSync(join(DOCS, name), 'utf8')).join('\n')

const nothing = () => {}
const program = buildProgram(
  {
    argv: [],
    exporter: '',
    drawsProgress: false,
    loadAddon: () => {
      throw new Error('No test needs it.')
    },
    writeOut: nothing,
    writeErr: nothing,
    report: nothing,
    finish: nothing,
  },
  '0.0.0',
)
const COMMANDS = program.commands.map((command): [string, Command] => [command.name(), command])

/** The part of cli.md that is about a command. */
function sectionOf(name: string): string {
  const begin = CLI.indexOf(`\n## \`pyprof ${name}\`\n`)
  expect(begin, `cli.md has a section about pyprof ${name}`).toBeGreaterThan(0)
  const end = CLI.indexOf('\n## ', begin + 1)
  return CLI.slice(begin, end === -1 ? undefined : end)
}

const RECORD = program.commands.find((command) => command.name() === 'record')!

/** Options that a command has just as `record` has them are told there. */
function isToldAtRecord(option: Option): boolean {
  return RECORD.options.some(
    ({ flags, description }) => flags === option.flags && description === option.description,
  )
}

/** What a user would type: the lines of the code blocks that run a command. */
function examplesOf(name: string): string[] {
  const blocks = [...ALL.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block]) =>
    block!.replaceAll('\\\n', ' ').split('\n'),
  )
  return blocks.filter((line) => new RegExp(`(^|[\\s"])pyprof ${name}\\b`).test(line))
}

/** Flags of an option as they are typed, without the help's own. */
function optionsOf(command: Command): Option[] {
  return command.options.filter(({ long }) => long !== '--help')
}

/** A flag that stands for itself, not as the beginning of another one. */
function has(text: string, flag: string): boolean {
  return new RegExp(`(?<![\\w-])${flag}(?![\\w-])`).test(text)
}

describe.each(COMMANDS)('pyprof %s', (name, command) => {
  const section = sectionOf(name)
  const options = optionsOf(command)

  test.each(options.map(({ flags }) => flags))('%s is in docs/cli.md, with an example', (flags) => {
    const { long, short } = options.find((option) => option.flags === flags)!
    const given = [long, short].filter((flag) => flag != null)
    const isShared = isToldAtRecord(options.find((option) => option.flags === flags)!)
    const told = isShared ? section + sectionOf('record') : section
    for (const flag of given) expect(has(told, flag), `the section names ${flag}`).toBe(true)
    const examples = [...examplesOf(name), ...(isShared ? examplesOf('record') : [])]
    const shown = examples.filter((line) => given.some((flag) => has(line, flag)))
    expect(shown, `a line with ${given.join(' or ')} in a code block`).not.toEqual([])
  })

  test('docs/cli.md names no option that there is not', () => {
    const known = new Set(['--help', ...options.map(({ long }) => long)])
    const tables = section.split('\n').filter((line) => line.startsWith('| `'))
    const named = tables.flatMap((line) => line.split(' | ')[0]!.match(/--[a-z][\w-]*/g) ?? [])
    expect(named).not.toEqual([])
    expect(named.filter((flag) => !known.has(flag))).toEqual([])
  })

  test('the examples use no option that there is not', () => {
    const known = new Set<string | null | undefined>(['--help', '-h'])
    for (const { long, short } of options) known.add(long).add(short)
    const lines = [...examplesOf(name), ...helpOf(command).split('\n')].filter((line) =>
      line.includes(`pyprof ${name} `),
    )
    for (const line of lines) {
      // What stands in quotes, behind `--`, or behind the next program, is not ours.
      const call = line
        .slice(line.indexOf(`pyprof ${name} `))
        .replaceAll(/'[^']*'|"[^"]*"/g, 'quoted')
      const own = call.split(/ -- | [|&;#] ?| && /)[0]!
      const flags = own.match(/(?<=\s)--?[a-z][\w-]*/g) ?? []
      expect(
        flags.filter((flag) => !known.has(flag)),
        line,
      ).toEqual([])
    }
  })
})

/** All of the help of a command, with what is added behind it. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text
}
