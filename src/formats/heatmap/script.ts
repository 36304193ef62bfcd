import { UNPACK } from '../html/unpack.ts'

/**
 * The script of a heatmap. It runs in a browser, not here, hence text. Text from the profile and from
 * the sources only ever becomes text nodes. The address says what is shown: `#` all files, `#3` the
 * fourth one, `#3:120` its line 120 with what calls it and what it calls.
 */
export const SCRIPT: string = `(() => {
'use strict'
${UNPACK}
const [SELF, TOTAL, SELF_SAMPLES, TOTAL_SAMPLES] = [0, 1, 2, 3]
const [LINE, MARKER, HEAT, CALLERS, CALLEES, PARTS] = [0, 1, 2, 6, 7, 8]
const BLOCK = 200
const HOTTEST = 20
const FEW = 12
/** Lines with less of the hottest line's time are passed over when going from hot line to hot line. */
const WARM = 0.05

const main = document.querySelector('main')
const map = document.querySelector('.map')
const title = document.title
let data
let all = 0
let by = SELF
let wanted = ''
let shown

function make(name, className, ...children) {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...children)
  return element
}
function link(address, text, className) {
  const element = make('a', className, text)
  element.href = address
  return element
}
function button(text, act) {
  const element = make('button', '', text)
  element.type = 'button'
  element.addEventListener('click', act)
  return element
}
function share(part, whole) {
  if (!(part > 0)) return ''
  const percent = (100 * part) / whole
  return (percent < 0.05 ? '<0.1' : percent.toFixed(1)) + ' %'
}
function time(ns) {
  if (ns === 0) return '0 s'
  const [size, unit] = ns >= 1e9 ? [1e9, 's'] : ns >= 1e6 ? [1e6, 'ms'] : [1e3, 'µs']
  const value = ns / size
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2) + ' ' + unit
}
const count = (number) => String(number).replace(/\\B(?=(\\d{3})+$)/g, ',')
const counted = (number, noun) => count(number) + ' ' + noun + (number === 1 ? '' : 's')
const heatOf = (row) => row.slice(HEAT, HEAT + 4)
const heated = (element, heat) => {
  if (heat > 0) element.style.setProperty('--heat', heat.toFixed(3))
  return element
}
const addressOf = (file, line) => '#' + file + (line > 0 ? ':' + line : '')
const linesOf = (file) => file.byLine ??= new Map(file.lines.map((row) => [row[LINE], row]))

function table(heads, rows) {
  const head = make('tr', '', ...heads.map((text, at) => {
    const cell = make('th', at === heads.length - 1 ? 'name' : '', text)
    cell.scope = 'col'
    return cell
  }))
  const body = make('tbody', '', ...rows.map(({ cells, heat }) => heated(make('tr', '', ...cells.map(
    (cell, at) => make('td', at === cells.length - 1 ? 'name' : '', ...[cell].flat()))), heat)))
  return make('table', '', make('thead', '', head), body)
}

/** A table with its first rows, and a button for the others. */
function cutTable(heads, rows, limit, noun) {
  const holder = make('div', '')
  const draw = (visible) => {
    holder.replaceChildren(table(heads, visible))
    if (visible.length < rows.length) {
      holder.append(button('show ' + counted(rows.length - visible.length, 'more ' + noun), () => draw(rows)))
    }
  }
  draw(rows.slice(0, limit))
  return holder
}

function choice() {
  const options = [[SELF, 'self time'], [TOTAL, 'total time']].map(([value, text]) => {
    const option = button(text, () => {
      by = value
      draw()
    })
    option.setAttribute('aria-pressed', String(by === value))
    return option
  })
  return make('span', 'choice', ...options)
}

function kinds(file) {
  const names = { app: 'program', package: 'package', stdlib: 'standard library', marker: '' }
  const tags = names[file.kind] ? [make('span', 'kind', names[file.kind])] : []
  if (file.notes?.length > 0) {
    tags.push(make('span', 'kind warn', file.source === '' ? 'no source' : 'does it fit?'))
  }
  return tags
}

/** The text of a line of source; undefined when it is not in the page. */
function textOf(file, line) {
  for (const [first, text] of file.text ?? []) {
    const lines = (file.split ??= new Map()).get(first) ?? text.split('\\n')
    file.split.set(first, lines)
    if (line >= first && line < first + lines.length) return lines[line - first]
  }
  return undefined
}

function drawIndex() {
  document.title = title
  map.classList.remove('shown')
  const filter = make('input', '')
  filter.type = 'search'
  filter.placeholder = 'Filter files and functions'
  filter.setAttribute('aria-label', filter.placeholder)
  filter.value = wanted
  const lists = make('div', '')
  const drawLists = () => lists.replaceChildren(...indexLists(filter.value))
  filter.addEventListener('input', () => {
    wanted = filter.value
    drawLists()
  })
  main.replaceChildren(make('div', 'bar', filter, choice()), lists)
  drawLists()
}

function indexLists(text) {
  const word = text.toLowerCase()
  const matches = (file) => word === '' || file.path.toLowerCase().includes(word) ||
    file.functions.some(([fn]) => data.functions[fn][0].toLowerCase().includes(word))
  const files = data.files.map((file, index) => ({ file, index })).filter(({ file }) => matches(file))
    .sort((a, b) => b.file.heat[by] - a.file.heat[by] || b.file.heat[TOTAL] - a.file.heat[TOTAL])
  const lines = files.flatMap(({ file, index }) => file.lines.map((row) => ({ file, index, row })))
    .filter(({ row }) => row[HEAT + by] > 0)
    .sort((a, b) => b.row[HEAT + by] - a.row[HEAT + by])
    .slice(0, HOTTEST)
  const heads = ['self', 'total', 'self time', 'total time', 'samples']
  const numbers = ([self, total, , samples]) =>
    [share(self, all), share(total, all), time(self), time(total), count(samples)]
  const fileRows = files.map(({ file, index }) => ({
    heat: file.heat[by] / all,
    cells: [...numbers(file.heat), count(file.lines.length),
      [link(addressOf(index), file.name), ...kinds(file)]],
  }))
  const others = word === '' ? data.other : []
  const otherRows = others.map(([name, heat]) => ({
    heat: heat[by] / all, cells: [...numbers(heat), '', name],
  }))
  const lineRows = lines.map(({ file, index, row }) => ({
    heat: row[HEAT + by] / all,
    cells: [...numbers(heatOf(row)), [
      link(addressOf(index, row[LINE]), row[MARKER] || file.name + ':' + row[LINE]), ' ',
      make('code', '', (textOf(file, row[LINE]) ?? '').trim()),
    ]],
  }))
  return [
    make('h2', '', 'Hottest lines'),
    table([...heads, 'line'], lineRows),
    make('h2', '', counted(files.length, 'file') + (word === '' ? '' : ' of ' + count(data.files.length))),
    table([...heads, 'lines', 'file'], [...fileRows, ...otherRows]),
    make('p', 'facts', 'Shares are of all sampled time, ' + time(all) +
      '. Self: it ran there. Total: it was there or in what was called from there, at the same time.'),
  ]
}

function drawFile(index) {
  const file = data.files[index]
  document.title = file.name + ' – ' + title
  const hottest = file.lines.reduce((most, row) => Math.max(most, row[HEAT + by]), 0)
  const heat = (row) => (hottest > 0 ? Math.sqrt(row[HEAT + by] / hottest) : 0)
  const warm = file.lines.filter((row) => row[LINE] > 0 && row[HEAT + by] > WARM * hottest)
  const go = (step) => {
    const line = Number(location.hash.split(':')[1] ?? 0)
    const next = step > 0
      ? warm.find((row) => row[LINE] > line)
      : warm.findLast((row) => row[LINE] < (line || Infinity))
    if (next) location.hash = addressOf(index, next[LINE])
  }
  const [self, total, , samples] = file.heat
  const back = link('#', '← all files')
  main.replaceChildren(
    make('h2', '', file.path === '' ? file.name : file.path, ...kinds(file)),
    make('p', 'facts', [
      'self ' + (share(self, all) || '0 %') + ', ' + time(self),
      'total ' + share(total, all) + ', ' + time(total),
      counted(samples, 'sample'),
      ...(file.source ? ['source: ' + file.source] : []),
    ].join(' · ')),
    ...(file.source === undefined && file.path !== '' ? ['Python has no file for this code.'] : [])
      .map((note) => make('p', 'facts', note)),
    ...(file.notes ?? []).map((note) => make('p', 'careful', note)),
    make('div', 'bar', back, choice(),
      make('span', 'legend', '0', make('i', ''), 'hottest line of the file'),
      make('span', 'space'),
      button('↑ hot line (p)', () => go(-1)), button('↓ hot line (n)', () => go(1))),
    functionsOf(file, index),
    sourceOf(file, index, heat),
  )
  map.replaceChildren(...warm.map((row) => {
    const mark = heated(link(addressOf(index, row[LINE]), ''), heat(row))
    mark.style.top = (100 * (row[LINE] - 1)) / Math.max(file.length ?? 0, file.lines.at(-1)[LINE]) + '%'
    mark.tabIndex = -1
    return mark
  }))
  map.classList.toggle('shown', warm.length > 0)
  shown.go = go
}

function functionsOf(file, index) {
  const rows = file.functions.map(([fn, ...heat]) => {
    const [name, , line] = data.functions[fn]
    return {
      heat: heat[by] / all,
      cells: [share(heat[SELF], all), share(heat[TOTAL], all), time(heat[SELF]), time(heat[TOTAL]),
        [line > 0 ? link(addressOf(index, line), name) : name]],
    }
  })
  const details = make('details', 'functions', make('summary', '', counted(rows.length, 'function')),
    cutTable(['self', 'total', 'self time', 'total time', 'function'], rows, FEW * 2, 'function'))
  return details
}

function sourceOf(file, index, heat) {
  const source = make('div', 'source')
  const known = linesOf(file)
  const rowOf = (line, text, row) => {
    const element = make('div', 'row ' + (row ? 'warm' : 'cold'))
    const number = row && line > 0 ? link(addressOf(index, line), String(line), 'number')
      : make('span', 'number', line > 0 ? String(line) : '')
    element.append(number, make('span', '', row ? share(row[HEAT], all) : ''),
      make('span', '', row ? share(row[HEAT + TOTAL], all) : ''), make('code', '', text))
    element.id = 'L' + line
    if (row) {
      heated(element, heat(row))
      element.title = 'self ' + time(row[HEAT + SELF]) + ', ' + counted(row[HEAT + SELF_SAMPLES], 'sample') +
        '\\ntotal ' + time(row[HEAT + TOTAL]) + ', ' + counted(row[HEAT + TOTAL_SAMPLES], 'sample')
      element.addEventListener('click', (event) => {
        if (event.target.closest('a') || String(getSelection()) !== '') return
        if (line === 0) toggle(element, row)
        else {
          const address = addressOf(index, line)
          location.hash = location.hash === address ? addressOf(index) : address
        }
      })
    }
    return element
  }
  const block = (rows) => {
    const element = make('div', 'block', ...rows)
    element.style.containIntrinsicSize = 'auto ' + 18 * rows.length + 'px'
    return element
  }
  const head = make('div', 'row legend')
  head.append(make('span', '', 'line'), make('span', '', 'self'), make('span', '', 'total'), make('code', ''))
  source.append(head)
  // Markers, and code whose lines are not known, have no place in the text.
  source.append(...file.lines.filter((row) => row[LINE] === 0)
    .map((row) => rowOf(0, row[MARKER] || '(line not known)', row)))
  if (!file.text) {
    source.append(block(file.lines.filter((row) => row[LINE] > 0).map((row) => rowOf(row[LINE], '', row))))
    return source
  }
  let next = 1
  const gap = (before) => {
    if (before > next) {
      source.append(make('div', 'gap', counted(before - next, 'line') + ' without samples: left out of this page'))
    }
  }
  for (const [first, text] of file.text) {
    gap(first)
    const lines = text.split('\\n')
    for (let at = 0; at < lines.length; at += BLOCK) {
      source.append(block(lines.slice(at, at + BLOCK)
        .map((line, offset) => rowOf(first + at + offset, line, known.get(first + at + offset)))))
    }
    next = first + lines.length
  }
  gap((file.length ?? 0) + 1)
  const beyond = file.lines.filter((row) => row[LINE] > (file.length ?? 0))
  source.append(block(beyond.map((row) => rowOf(row[LINE], '(not in the file)', row))))
  return source
}

/** Shows or hides what calls a line and what it calls, below the line. */
function toggle(element, row) {
  const open = element.nextElementSibling
  if (open?.className === 'detail') open.remove()
  else element.after(detailOf(row))
}

function detailOf(row) {
  const [self, total, selfSamples, totalSamples] = heatOf(row)
  const place = (fn, line) => {
    const [name, file, first] = data.functions[fn]
    if (file === -1 || data.files[file].path === '') return [name]
    const at = data.files[file].name + (line > 0 ? ':' + line : '')
    return [link(addressOf(file, line || first), name), ' ', make('code', '', at)]
  }
  const calls = (list, outermost) => list.map(([fn, line, ns, samples]) => ({
    heat: ns / total,
    cells: [share(ns, total), time(ns), count(samples), fn === -1 ? [outermost] : place(fn, line)],
  }))
  const heads = (last) => ['share', 'time', 'samples', last]
  const itself = selfSamples > 0 ? [[-1, 0, self, selfSamples]] : []
  const callees = calls([...row[CALLEES], ...itself].sort((a, b) => b[2] - a[2]), '(the line itself)')
  const sections = [
    make('section', '', make('h3', '', 'Called from'),
      cutTable(heads('caller'), calls(row[CALLERS], 'nothing: a stack begins here'), FEW, 'caller')),
    make('section', '', make('h3', '', 'Spends its time in'), cutTable(heads('callee'), callees, FEW, 'callee')),
  ]
  const parts = row[PARTS].map(([text, ...heat]) => ({
    heat: heat[TOTAL] / total,
    cells: [share(heat[TOTAL], total), time(heat[TOTAL]), count(heat[TOTAL_SAMPLES]), [make('code', '', text)]],
  }))
  if (parts.length > 0) {
    sections.push(make('section', '', make('h3', '', 'Parts of the line'), cutTable(heads('part'), parts, FEW, 'part')))
  }
  const facts = make('p', 'facts', 'self ' + time(self) + ', ' + counted(selfSamples, 'sample') + ' · total ' +
    time(total) + ', ' + counted(totalSamples, 'sample') + '; shares below are of the total')
  return make('div', 'detail', facts, ...sections)
}

function goTo(file, line) {
  for (const old of main.querySelectorAll('.target, .detail')) {
    if (old.className === 'detail') old.remove()
    else old.classList.remove('target')
  }
  const element = document.getElementById('L' + line)
  if (!element) return
  element.classList.add('target')
  const row = linesOf(file).get(line)
  if (row) element.after(detailOf(row))
  element.scrollIntoView({ block: 'center' })
  // The first time, blocks above were as high as guessed.
  requestAnimationFrame(() => element.scrollIntoView({ block: 'center' }))
}

function draw() {
  const [, index, line] = /^#(\\d+)(?::(\\d+))?$/.exec(location.hash) ?? []
  const file = data.files[Number(index)]
  const isNew = !shown || shown.file !== file || shown.by !== by
  if (isNew) {
    shown = { file, by, go: () => {} }
    if (file) drawFile(Number(index))
    else drawIndex()
    if (line === undefined) scrollTo(0, 0)
  }
  if (!file) return
  if (line === undefined) goTo(file, -1)
  else goTo(file, Number(line))
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.('input')) return
  if (event.key === 'n') shown?.go(1)
  else if (event.key === 'p') shown?.go(-1)
})

unpack('data').then(async (blob) => {
  data = JSON.parse(await blob.text())
  all = [...data.files.map(({ heat }) => heat[SELF]), ...data.other.map(([, heat]) => heat[SELF])]
    .reduce((sum, ns) => sum + ns, 0) || 1
  addEventListener('hashchange', draw)
  draw()
}).catch((error) => {
  document.querySelector('.problem').textContent = 'The profile could not be shown: ' + error
})
})()
`
