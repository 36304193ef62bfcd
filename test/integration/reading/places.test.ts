import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { captureStill, type NamedFrame, startCapture } from '../../support/capture.ts'
import { type Position, type Row, row } from '../../support/positions.ts'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { startPython, TARGETS } from '../../support/target.ts'

const PLACES = join(TARGETS, 'places.py')

/** Samples a place and expects in every sample what the target itself says of its stack. */
async function callerOfHold(minor: Minor, place: string): Promise<NamedFrame> {
  const { target, facts } = await startPython<Position>(minor, 'places.py', [place])
  const samples = (await captureStill(target.pid, 5)).samples()
  expect(samples.length).toBeGreaterThanOrEqual(5)
  for (const { frames, quality } of samples) {
    expect(quality).toBe('exact')
    expect(frames.slice(0, -1).map(row)).toEqual(facts.stack.map(escapeSurrogates))
  }
  return samples[0]!.frames.at(-2)!
}

/** A half of a surrogate pair, which no text file can hold, is written as Python's repr would. */
function escapeSurrogates([name, file, ...place]: Row): Row {
  return [
    name,
    file.replace(/\p{Surrogate}/gu, (c) => `\\u${c.charCodeAt(0).toString(16)}`),
    ...place,
  ]
}

describe.each(MINORS)('places on %s', (minor) => {
  it('the line in a location table of more than a page', async () => {
    const { line, qualname } = await callerOfHold(minor, 'long_module')
    expect([qualname, line]).toEqual(['<module>', 1001])
  })

  it('the line in a function of 20 000 lines', async () => {
    const { line, qualname } = await callerOfHold(minor, 'long_function')
    expect([qualname, line]).toEqual(['long_function', 20_000])
  })

  it('columns far to the right, in bytes', async () => {
    // 6 bytes of letters, 2 of quotes and 8 of ` * 100, `, then 200 times 3.
    const { column, endColumn } = await callerOfHold(minor, 'wide_columns')
    expect([column, endColumn]).toEqual([616, 622])
  })

  it('the line where lines go back', async () => {
    const { line, firstLine, qualname } = await callerOfHold(minor, 'backwards')
    expect([qualname, line]).toEqual(['backwards', firstLine + 4])
  })

  it('every line in turn while the frame stays', async () => {
    const { target } = await startPython(minor, 'places.py', ['moving'])
    const capture = startCapture(target.pid)
    const lineNow = () => capture.samples().at(-1)?.frames.at(-1)?.line ?? 0
    await capture.ticks(10)
    const first = lineNow()
    target.send('')
    await target.says('moved')
    await capture.ticks(10)
    expect(lineNow()).toBe(first + 1)
    target.send('')
    await target.says('left')
    await capture.ticks(10)
    expect(lineNow()).toBe(first + 2)
    for (const { frames } of capture.samples()) {
      expect(frames.map(({ qualname }) => qualname)).toEqual(['<module>', 'moving'])
    }
  })

  it('the end line and both columns of a call over several lines', async () => {
    const { target } = await startPython(minor, 'places.py', ['spread'])
    const capture = startCapture(target.pid)
    const place = () => {
      const leaf = capture.samples().at(-1)?.frames.at(-1)
      return (
        leaf && [leaf.line - leaf.firstLine, leaf.endLine - leaf.line, leaf.column, leaf.endColumn]
      )
    }
    // The word may have been said and the call not begun.
    await capture.until('the call', () => place()?.[0] === 4)
    await capture.ticks(10)
    expect(place()).toEqual([4, 3, 8, 9])
  })

  it.each([
    ['latin', 'naïve_fünction', '/tmp/café/naïve.py'],
    ['two_byte', 'функция_関数', '/tmp/папка/ファイル.py'],
    ['four_byte', 'f_\u{20000}\u{2a6d6}', '/tmp/\u{1f4a9}/\u{1f40d}.py'],
    ['long', 'n'.repeat(1100), `/tmp/${'folder/'.repeat(213)}n.py`],
    ['long_four_byte', '\u{20000}'.repeat(1100), '\u{1f40d}'.repeat(1500)],
    ['newline_in_file', 'plain', '/tmp/two\nlines; 3.py'],
    ['surrogate_in_file', 'plain', '/tmp/undecodable-\\udcff.py'],
  ])('names: %s', async (which, name, file) => {
    const { qualname, file: found, firstLine, line } = await callerOfHold(minor, which)
    expect({ qualname, file: found, firstLine, line }).toEqual({
      qualname: name,
      file,
      firstLine: 2,
      line: 3,
    })
  })

  it('the file of a program', async () => {
    const { target } = await startPython(minor, 'places.py', ['moving'])
    const samples = (await captureStill(target.pid, 3)).samples()
    expect(samples[0]!.frames.map(({ file }) => file)).toEqual([PLACES, PLACES])
  })
})
