import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import type { CommandContext } from '../../../src/commands/context.ts'
import { buildProgram } from '../../../src/commands/program.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const text = readFileSync(join(ROOT, 'docs', 'ci.md'), 'utf8')

function blocks(language: string): string[] {
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))
  return [...found].map(([, block = '']) => block)
}

/** All strings in a value that YAML or JSON gave. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : []
}

/** The words behind each `pyprof` of some shell lines, up to the next operator. */
function commandsIn(shell: string): string[][] {
  return [...shell.matchAll(/^(?:.*\s)?pyprof ([a-z].*)$/gm)].map(
    ([, line = '']) => (line.split(/ [>|&]/)[0] ?? '').match(/'[^']*'|"[^"]*"|\S+/g)!,
  )
}

const yaml = blocks('yaml')
const context: CommandContext = {
  argv: [],
  exporter: '',
  drawsProgress: false,
  loadAddon: () => {
    throw new Error('Documents load no addon.')
  },
  writeOut: () => {},
  writeErr: () => {},
  report: () => {},
  finish: () => {},
}
const program = buildProgram(context, '0')
const commands = [
  ...yaml.flatMap((block) => strings(parseDocument(block).toJS())),
  ...blocks(''),
].flatMap(commandsIn)

describe('docs/ci.md', () => {
  it.each(yaml)('holds YAML that can be read (%#)', (block) => {
    const document = parseDocument(block)
    expect(document.errors).toEqual([])
    expect(document.warnings).toEqual([])
    expect(Object.keys(document.toJS()).length).toBeGreaterThan(0)
  })

  it('has recipes with commands', () => {
    expect(yaml).toHaveLength(3)
    const names = new Set(commands.map(([name]) => name))
    expect([...names].sort()).toEqual(['bench', 'diff', 'record'])
  })

  it.each(commands.map((words) => [words.join(' '), words] as const))('%s', (_, words) => {
    const command = program.commands.find((each) => each.name() === words[0])
    const end = words.indexOf('--')
    const own = end < 0 ? words : words.slice(0, end)
    for (const word of own.filter((each) => each.startsWith('-'))) {
      const option = command?.options.find(({ long, short }) => long === word || short === word)
      expect(option, `${words[0]} ${word}`).toBeDefined()
      const value = own[own.indexOf(word) + 1]?.replace(/^['"]|['"]$/g, '')
      // As commander does it: a value that is none throws.
      if (option?.required && option.parseArg) option.parseArg(value ?? '', undefined)
    }
  })
})
