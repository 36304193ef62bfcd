import { describe, expect, it } from 'vitest'
import { valueText } from '../../../src/dump/value-text.ts'
import { dumpOf, frameOf, mainThread, onlyProcess, textsOf, valuesOf } from '../../support/dump.ts'
import { MINORS } from '../../support/pythons.ts'
import { startPython } from '../../support/target.ts'

interface Facts {
  readonly reprs: Readonly<Record<string, string>>
  readonly ids: Readonly<Record<string, string>>
  readonly bits: number
}

describe.each(MINORS)('variables of Python %s', (minor) => {
  async function locals(arrangement: string, name: string, args: readonly string[] = []) {
    const { target, facts } = await startPython<Facts>(minor, 'values.py', [arrangement])
    const dump = await dumpOf([target.pid, '--locals', '--no-redact', ...args])
    expect(onlyProcess(dump)).toMatchObject({
      read: 'exact',
      proved: true,
      locals: { proved: true, limitReached: false },
    })
    const frame = frameOf(mainThread(dump), name)
    return { frame, facts, texts: textsOf(frame), values: valuesOf(frame), target, dump }
  }

  it('numbers and texts are what Python itself writes', async () => {
    const { texts, facts } = await locals('scalars', 'scalars')
    // The names of the comprehension that says them have no value any more.
    const { says, name, value, ...rest } = texts
    expect([name, value]).toEqual(['<no value>', '<no value>'])
    expect(says).toMatch(/^\{'nothing': 'None'/)
    expect(rest).toEqual(facts.reprs)
    expect(Object.keys(rest).length).toBeGreaterThan(35)
  })

  it('containers are what Python itself writes', async () => {
    const { texts, values, facts } = await locals('containers', 'containers', ['--depth', '5'])
    const names = Object.keys(facts.reprs)
    expect(names.length).toBeGreaterThan(15)
    const shown = Object.fromEntries(names.map((name) => [name, texts[name]]))
    const python = { ...facts.reprs, point: "__main__.Point(x=3, y='four')" }
    expect(shown).toEqual(python)
    expect(values.many_items).toMatchObject({ kind: 'set', length: 1000, cut: true })
    expect(values.many_items?.items).toHaveLength(20)
    expect(values.long_list).toMatchObject({ kind: 'list', length: 1000, cut: true })
    expect(values.long_list?.items?.map(({ text }) => text)).toEqual(
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
    expect(values.long_text).toMatchObject({ kind: 'str', length: 5000, cut: true })
    expect(values.long_text?.text).toBe('ä'.repeat(200))
    expect(values.long_bytes).toMatchObject({ kind: 'bytes', length: 5000, cut: true })
    expect(values.large_dict).toMatchObject({ kind: 'dict', length: 200_000, cut: true })
    expect(values.large_dict?.entries).toHaveLength(20)
    expect(values.huge_int).toMatchObject({ kind: 'int', length: facts.bits, cut: true })
    expect(texts.deep).toBe('[[[[[[…<1 item>]]]]]]')
    expect(texts.ordered).toBe("collections.OrderedDict({'first': 1})")
    expect(texts.by_default).toBe("collections.defaultdict({'a': [1]})")
  })

  it('limits are the ones that are given', async () => {
    const { target } = await startPython<Facts>(minor, 'values.py', ['containers'])
    const args = ['--locals', '--depth', '1', '--items', '2', '--text', '5']
    const { texts } = {
      texts: textsOf(
        frameOf(mainThread(await dumpOf([target.pid, '--no-redact', ...args])), 'containers'),
      ),
    }
    expect(texts.flat).toBe('[1, 2, …<3 items>]')
    expect(texts.word_keys).toBe("{'a': 1, 'b': […<1 item>]}")
    expect(texts.long_text).toBe("'äääää'…<5,000 characters>")
    const few = onlyProcess(await dumpOf([target.pid, '--locals', '--max-bytes', '3000']))
    expect(few.locals).toEqual({ proved: true, limitReached: true })
    const kinds = few.threads.flatMap(({ frames }) =>
      frames.flatMap(({ variables }) => (variables ?? []).map(({ value }) => value.kind)),
    )
    expect(kinds).toContain('beyond-limit')
  })

  it('objects show their class, their attributes and who they are', async () => {
    const { texts, values, facts } = await locals('objects', 'objects', ['--items', '100'])
    for (const [name, id] of Object.entries(facts.ids)) {
      expect([name, values[name]?.address]).toEqual([name, id])
    }
    const at = (name: string) => facts.ids[name]
    expect(texts).toMatchObject({
      store: `<__main__.Store at ${at('store')}: name='shop', rows=[1, 2]>`,
      dict_seen: `<__main__.Store at ${at('dict_seen')}: name='seen', rows=()>`,
      slotted: `<__main__.Slotted at ${at('slotted')}: left=1>`,
      slotted_child: `<__main__.SlottedChild at ${at('slotted_child')}: left=1, own='mine'>`,
      text: "__main__.Text('sub')",
      number: '__main__.Number(5)',
      listed: '__main__.Listed([1])',
      red: '<__main__.Colour.RED: 1>',
      green: "<__main__.Colour.GREEN: 'green'>",
      high: '<__main__.Level.HIGH: 9>',
      failure: `<__main__.Failure at ${at('failure')}: args=('went wrong',), code=7>`,
      function: '<function scalars>',
      method: `<bound method Store.get of <__main__.Store at ${at('store')}: name='shop', rows=[1, 2]>>`,
      builtin: '<builtin_function_or_method len>',
      bound_builtin: '<builtin_function_or_method append>',
      lambda_function: '<function objects.<locals>.<lambda>>',
      module: "<module 'json'>",
      a_class: "<class '__main__.Store'>",
      inner_class: "<class '__main__.Colour'>",
      builtin_class: "<class 'int'>",
      generator: '<generator generate>',
      coroutine: '<coroutine wait>',
      code: '<code scalars>',
      partial: `<functools.partial at ${at('partial')}: func=<class 'int'>, args=('5',), keywords={}>`,
      span: `<range at ${at('span')}: start=1, stop=10, step=2>`,
      a_slice: `<slice at ${at('a_slice')}: start=1, stop=None, step=3>`,
      date: '<datetime.date 2026-11-21>',
      moment: '<datetime.datetime 2026-11-21T05:38:25.123456>',
      clock: '<datetime.time 23:59:01>',
      delta: '<datetime.timedelta -1d 5.000007s>',
      doubles: '<array.array shape=(2,) dtype=d>',
      plain: `<object at ${at('plain')}>`,
      cycle: `[<list at ${at('cycle')}, shown further out>]`,
    })
    expect(values.grown).toMatchObject({ kind: 'object', type: '__main__.Grown', length: 42 })
    const grown = values.grown?.attributes?.map(({ name, value }) => [name, valueText(value)])
    expect(grown?.slice(0, 3)).toEqual([
      ['name', "'big'"],
      ['rows', 'None'],
      ['extra_0', '0'],
    ])
    expect(grown?.at(-1)).toEqual(['extra_39', '39'])
    expect(texts.tree).toMatch(
      /^<__main__\.Tree at .*child=<__main__\.Tree at .*shown further out>>>$/,
    )
  })

  it('arguments come first, of every kind', async () => {
    const { frame, texts } = await locals('arguments', 'arguments')
    expect(frame.variables?.map(({ name, kind }) => [name, kind])).toEqual([
      ['first', 'argument'],
      ['second', 'argument'],
      ['keyword', 'argument'],
      ['default', 'argument'],
      ['rest', 'argument'],
      ['others', 'argument'],
      ['local', 'local'],
    ])
    expect(texts).toEqual({
      first: '1',
      second: '2',
      keyword: "'k'",
      default: "'d'",
      rest: '(3, 4)',
      others: "{'extra': True}",
      local: '3',
    })
  })

  it('cells are looked into, and what has no value says so', async () => {
    const { frame, dump } = await locals('closures', 'inner')
    const kinds = (each: typeof frame) =>
      Object.fromEntries(
        (each.variables ?? []).map(({ name, kind, value }) => [name, [kind, valueText(value)]]),
      )
    expect(kinds(frame)).toMatchObject({
      own: ['argument', '10'],
      squares: ['local', '[10, 11, 14]'],
      count: ['free', '1'],
      unset_cell: ['free', '<no value>'],
    })
    expect(kinds(frameOf(mainThread(dump), 'closures'))).toMatchObject({
      count: ['cell', '1'],
      unset_cell: ['cell', '<no value>'],
      never_set: ['local', '<no value>'],
      assigned_later: ['local', '<no value>'],
      inner: ['local', '<function closures.<locals>.inner>'],
    })
  })

  it('bodies of modules and classes show their names', async () => {
    const module = await locals('module', '<module>')
    expect(module.texts).toMatchObject({ greeting: "'hello'", numbers_of_module: '[1, 2, 3]' })
    expect(Object.keys(module.texts)).not.toContain('__name__')
    expect(Object.keys(module.texts)).not.toContain('Store')
    expect(module.frame.omitted).toBeGreaterThan(10)
    const body = await locals('body', 'Body')
    expect(body.texts).toEqual({ in_class: '5' })
  })

  it('comprehensions, generators and recursion have frames and variables of their own', async () => {
    const { frame } = await locals('comprehension', 'comprehension')
    expect(textsOf(frame)).toMatchObject({ item: "'a'" })
    const inner = await locals('generators', 'inner')
    expect(inner.texts).toEqual({ argument: '21', local: '42' })
    const recursion = await locals('recursion', 'recursion')
    const depths = mainThread(recursion.dump)
      .frames.filter((each) => each.function === 'recursion')
      .map((each) => textsOf(each).depth)
    expect(depths).toEqual(Array.from({ length: 51 }, (_, i) => String(i)))
  })

  it('values of one thread are those of one thread', async () => {
    const { target } = await startPython(minor, 'values.py', ['threads'])
    const dump = await dumpOf([target.pid, '--locals', '--thread', 'worker-*'])
    const [worker, ...others] = onlyProcess(dump).threads
    expect(others).toEqual([])
    expect(worker).toMatchObject({ name: 'worker-1', isMain: false })
    expect(textsOf(frameOf(worker!, 'work')).job).toBe("'job-1'")
    expect(onlyProcess(dump).threadCount).toBe(2)
  })
})

describe.each(MINORS)('variables that change all the time, of Python %s', (minor) => {
  /** Lists that are counted up from the front: what was copied at one instant falls once at most. */
  function expectOneInstant(process: ReturnType<typeof onlyProcess>) {
    const lists = process.threads.flatMap(({ frames }) =>
      frames.flatMap((frame) => (frame.function === 'count' ? [valuesOf(frame).cells!] : [])),
    )
    for (const list of lists) {
      const numbers = (list.items ?? []).map(({ text }) => Number(text))
      expect(numbers).toHaveLength(300)
      const [first, last] = [numbers[0]!, numbers.at(-1)!]
      expect(first - last).toBeLessThanOrEqual(1)
      expect(numbers).toEqual(numbers.toSorted((a, b) => b - a))
    }
    return lists.length
  }

  it.each([
    ['exact', 1],
    ['exact', 3],
    ['stop', 3],
  ])('%s, %d threads: what is proved is of one instant', async (read, threads) => {
    const { target } = await startPython(minor, 'changing.py', [String(threads)])
    let proved = 0
    for (let turn = 0; turn < 8; turn++) {
      const dump = await dumpOf([target.pid, '-l', '--items', '300', '--read', read])
      const process = onlyProcess(dump)
      expect(process.locals?.proved).toBe(process.proved)
      if (!process.proved) continue
      proved++
      expect(expectOneInstant(process)).toBe(threads)
    }
    // A machine that gives the core away each time proves nothing, and says so.
    expect(proved).toBeGreaterThan(read === 'stop' ? 7 : 0)
  })

  it('live: is never said to be proved', async () => {
    const { target } = await startPython(minor, 'changing.py', ['1'])
    const process = onlyProcess(await dumpOf([target.pid, '-l', '--read', 'live']))
    expect(process).toMatchObject({ read: 'live', proved: false, locals: { proved: false } })
  })
})
