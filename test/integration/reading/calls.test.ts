import { describe, expect, it } from 'vitest'
import { captureStill, type NamedSample } from '../../support/capture.ts'
import { HARNESS, type Position, row, texts } from '../../support/positions.ts'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { startPython } from '../../support/target.ts'

/** Chain by the name of the function that begins it, as texts from below that to above `hold`. */
const CALLS: Readonly<Record<string, string>> = {
  plain: '',
  through_sorted: 'through_sorted.<locals>.<lambda>',
  through_operator_call: 'plain',
  through_type_slot: 'Made.__init__',
  through_partial: 'add;plain',
  through_all:
    'through_all.<locals>.<lambda>;Outer.method;Outer.Inner.method;Outer.Inner.method.<locals>.inner;' +
    'Outer.Inner.method.<locals>.inner.<locals>.<lambda>;plain',
  with_comparison: 'with_comparison.<locals>.Compared.__lt__;plain',
  finalizer: 'finalizer.<locals>.Finalized.__del__;plain',
  nested_names:
    'Outer.method;Outer.Inner.method;Outer.Inner.method.<locals>.inner;' +
    'Outer.Inner.method.<locals>.inner.<locals>.<lambda>;plain',
  class_body: 'class_body.<locals>.Body;class_body.<locals>.Body.Nested;plain',
  comprehensions: 'plain',
  generator_expression: 'generator_expression.<locals>.<genexpr>;plain',
  hot_init: 'Specialised.__init__;Specialised.when_warm;plain',
  hot_property: 'Specialised.attribute;Specialised.when_warm;plain',
  hot_item: 'Specialised.__getitem__;Specialised.when_warm;plain',
  hot_getattr: 'Specialised.__getattr__;Specialised.when_warm;plain',
}

const GENERATORS: Readonly<Record<string, string>> = {
  yield_from: 'outer_generator;middle_generator;leaf_generator;plain',
  hot_loop: 'hot_middle;hot_leaf;plain',
  sent_to: 'receiver;plain',
  thrown_into: 'catcher;plain',
  closed: 'cleaner;plain',
  coroutine: 'outer_coroutine;inner_coroutine;plain',
  hot_await: 'hot_coroutine;hot_awaited;plain',
  asynchronous_generator: 'async_for;async_generator;plain',
}

async function samplesOf(minor: Minor, program: string, chain: string) {
  const { target, facts } = await startPython<Position>(minor, program, [chain])
  const capture = await captureStill(target.pid, 10)
  return { samples: capture.samples(), facts }
}

/** Every sample is exact and shows what the target itself says of its stack. */
function expectPosition(samples: readonly NamedSample[], facts: Position): void {
  expect(samples.length).toBeGreaterThanOrEqual(10)
  for (const { frames, quality, reason } of samples) {
    expect([quality, reason]).toEqual(['exact', 'none'])
    expect(frames.slice(0, -1).map(row)).toEqual(facts.stack)
    expect(frames.at(-1)).toMatchObject({ qualname: 'hold', file: HARNESS })
  }
}

describe.each(MINORS)('chains on %s', (minor) => {
  it.each(Object.entries(CALLS))('calls: %s', async (chain, expected) => {
    const { samples, facts } = await samplesOf(minor, 'calls.py', chain)
    const parts = ['<module>', chain, expected, 'hold'].filter((part) => part !== '')
    expect(texts(samples)).toEqual([parts.join(';')])
    expectPosition(samples, facts)
  })

  it.each(Object.entries(GENERATORS))('generators: %s', async (chain, expected) => {
    const { samples, facts } = await samplesOf(minor, 'generators.py', chain)
    expect(texts(samples)).toEqual([`<module>;${chain};${expected};hold`])
    expectPosition(samples, facts)
  })

  it('a task of asyncio', async () => {
    const { samples, facts } = await samplesOf(minor, 'generators.py', 'asyncio_task')
    expect(texts(samples)[0]).toMatch(
      /^<module>;asyncio_task;run;Runner.run;.*;Handle._run;in_task;inner_task;plain;hold$/,
    )
    expectPosition(samples, facts)
  })

  it('the first line of a decorated function is that of its first decorator', async () => {
    const { samples, facts } = await samplesOf(minor, 'calls.py', 'decorated')
    expectPosition(samples, facts)
    const frames = samples[0]!.frames
    expect(texts(samples)).toEqual([
      '<module>;traced.<locals>.wrapper;traced.<locals>.wrapper;decorated;plain;hold',
    ])
    expect(frames[3]!.firstLine).toBe(frames[3]!.line - 5)
  })
})
