import { describe, expect, it } from 'vitest'
import { type Capture, type NamedSample, past, startCapture } from '../../support/capture.ts'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { mostByChance } from '../../support/statistics.ts'
import { startPython } from '../../support/target.ts'

async function capture(minor: Minor, program: string, args: string[], ticks: number) {
  const { target } = await startPython(minor, program, args)
  await past(target.pid, 'say')
  const running = startCapture(target.pid, { rate: 2500 })
  await running.ticks(ticks)
  running.stop()
  await target.kill()
  return running
}

/** A read is not an instant: as many samples may be wrong without showing it. */
const UNSEEN = 0.0002

/** No sample shows what the program cannot do, unless it says that it is not exact. */
function expectPossible(
  samples: readonly NamedSample[],
  possible: (text: string) => boolean,
): void {
  const exact = samples.filter(({ quality }) => quality === 'exact')
  const impossible = exact.filter(({ text }) => !possible(text)).map(({ text }) => text)
  const allowed = mostByChance(UNSEEN * samples.length)
  expect(impossible.slice(0, impossible.length > allowed ? 3 : 0)).toEqual([])
}

/** Every sample that was not missed has a leaf, and it is one of the program's. */
function expectLeaves(samples: readonly NamedSample[], leaf: RegExp): void {
  const kept = samples.filter(({ quality }) => quality !== 'missed')
  expect(kept.length).toBeGreaterThan(samples.length / 2)
  for (const { frames } of kept) expect(frames.at(-1)?.qualname).toMatch(leaf)
}

/** Every function of reuse.py in the tables, with what its number says of it; see there. */
function expectConsistentNames(running: Capture): number {
  const { functions, strings } = running.profile()
  let found = 0
  for (let fn = 0; fn < functions.length; fn++) {
    const name = strings[functions.qualname[fn]!]!
    const file = strings[functions.file[fn]!]!
    const inFile = /^reuse_(\d+)\.py$/.exec(file)
    const [, kind, number] = /^(leaf|caller)_(\d+)$/.exec(name) ?? []
    if (kind === undefined && inFile === null) continue
    found++
    if (kind === undefined) {
      expect(name).toBe('<module>')
      continue
    }
    expect({ name, file, firstLine: functions.firstLine[fn] }).toEqual({
      name,
      file: `reuse_${number}.py`,
      firstLine: (Number(number) % 97) + (kind === 'leaf' ? 1 : 4),
    })
  }
  return found
}

describe.each(MINORS)('churn on %s', (minor) => {
  it('code objects whose addresses are used again never get a wrong name', async () => {
    const { target } = await startPython(minor, 'reuse.py', ['0.0003'])
    const running = startCapture(target.pid, { rate: 2500 })
    await running.until('many functions', () => running.profile().functions.length > 3_000)
    running.stop()
    expect(expectConsistentNames(running)).toBeGreaterThan(2_500)
    let leaves = 0
    for (const { frames, reason } of running.samples()) {
      const leaf = frames.at(-1)
      const number = /^leaf_(\d+)$/.exec(leaf?.qualname ?? '')?.[1]
      if (!leaf || number === undefined) continue
      leaves++
      const caller = frames.at(-2)!
      // It may be freed between the reading of the leaf's name and that of its own.
      if (reason === 'freed-code' && caller.qualname === '<freed code>') continue
      expect(caller.qualname).toBe(`caller_${number}`)
      expect(caller.line).toBe(caller.firstLine + 1)
      expect([leaf.firstLine, leaf.firstLine + 1]).toContain(leaf.line)
    }
    expect(leaves).toBeGreaterThan(800)
    const unnamed = running.samples().filter(({ reason }) => reason === 'freed-code')
    expect(unnamed.length).toBeLessThan(running.samples().length * 0.1)
  })

  it('exceptions unwinding', async () => {
    const samples = (await capture(minor, 'unwinding.py', [], 3_000)).samples()
    const possible = new Set(['<module>', '<module>;main', '<module>;main;note'])
    let chain = '<module>;main'
    for (let level = 0; level < 30; level++) {
      chain += `;level_${level}`
      possible.add(chain)
      if (level % 3 === 0) possible.add(`${chain};note`)
    }
    expectPossible(samples, (text) => possible.has(text))
    expectLeaves(samples, /^(main|note|level_\d+|<gone>)$/)
  })

  it('recursion that grows and shrinks across chunks', async () => {
    const samples = (await capture(minor, 'oscillating.py', ['functions'], 2_000)).samples()
    expectPossible(samples, (text) => /^<module>;functions(;climb){0,301}$/.test(text))
    expectLeaves(samples, /^(functions|climb|<gone>)$/)
    expect(new Set(samples.map(({ frames }) => frames.length)).size).toBeGreaterThan(100)
  })

  it('generators that grow and shrink', async () => {
    const samples = (await capture(minor, 'oscillating.py', ['generators'], 2_000)).samples()
    expectPossible(samples, (text) => /^<module>;generators(;generator){0,101}$/.test(text))
    expectLeaves(samples, /^(generators|generator|<gone>)$/)
  })
})
