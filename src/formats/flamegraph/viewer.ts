import { PAD, ROW } from './style.ts'

/**
 * The script inside the SVG. It runs in a browser, not here, hence text: no tool may rewrite it.
 * It reads the data element, draws the boxes that are wide enough for the window and the zoom, and
 * answers mouse and keyboard. Text from the profile only ever becomes text nodes.
 */
export const VIEWER: string = String.raw`(() => {
'use strict'
const ROW = ${ROW}, PAD = ${PAD}
const svg = document.currentScript.ownerSVGElement
const data = JSON.parse(svg.querySelector('.data').textContent)
const { frames, depth, frame: frameOf, minWidth, sides } = data
const isFlame = data.shape === 'flame'
const boxCount = depth.length

// Times and positions, in ns. Boxes are in preorder: below box b lie b + 1 up to end[b].
const parent = new Int32Array(boxCount).fill(-1)
const end = new Int32Array(boxCount)
{
  const path = []
  for (let box = 0; box < boxCount; box++) {
    path[depth[box]] = box
    if (depth[box] > 0) parent[box] = path[depth[box] - 1]
  }
  for (let box = boxCount - 1; box >= 0; box--) {
    end[box] = Math.max(end[box], box + 1)
    if (box > 0) end[parent[box]] = Math.max(end[parent[box]], end[box])
  }
}
function totalsOf(self) {
  const result = Float64Array.from(self)
  for (let box = boxCount - 1; box > 0; box--) result[parent[box]] += result[box]
  return result
}
let self, total, left
function measure(times) {
  self = times
  total = totalsOf(self)
  left = new Float64Array(boxCount)
  const next = new Float64Array(boxCount)
  for (let box = 1; box < boxCount; box++) {
    left[box] = left[parent[box]] + next[parent[box]]
    next[parent[box]] += total[box]
  }
}
measure(data.self)
const whole = total[0]
const before = sides && totalsOf(sides.base)
const after = sides && totalsOf(sides.head)

// State.
let zoom = 0
let trail = []
let focus = 0
let matched = null
let width = 0
let rows = 0
let boxes = new Map()
let levels = []

// Elements.
const drawn = (tag, className, ...children) =>
  element('http://www.w3.org/2000/svg', tag, className, children)
const html = (tag, className, ...children) =>
  element('http://www.w3.org/1999/xhtml', tag, className, children)
function element(namespace, tag, className, children) {
  const made = document.createElementNS(namespace, tag)
  if (className) made.setAttribute('class', className)
  made.append(...children)
  return made
}
function set(target, attributes) {
  for (const name in attributes) target.setAttribute(name, attributes[name])
  return target
}

const search = set(html('input'), {
  type: 'search', placeholder: 'Search: a name, a file, a pattern', 'aria-label': 'Search frames',
  spellcheck: 'false', autocomplete: 'off',
})
const found = set(html('output', 'found'), { 'aria-live': 'polite' })
const reset = html('button', '', 'Reset zoom')
const widths = html('select', 'widths', ...[['self', 'mean of both'], ['base', 'base'], ['head', 'head']].map(
  ([value, text]) => set(html('option', '', text), { value })))
const widthsLabel = html('label', '', 'Widths: ', widths)
widthsLabel.hidden = !sides
const note = set(html('span', ''), { 'aria-live': 'polite' })
const legend = html('div', 'legend', ...data.legend.map(({ label, colours }) =>
  html('span', '', ...colours.map((colour) => html('i', 'c' + colour)), html('b', '', label))))
const head = html('div', 'head',
  html('h1', '', data.title), ...data.lines.map((line) => html('p', '', line)),
  html('div', 'bar', search, found, reset, widthsLabel, legend),
  html('div', 'notes', note, html('span', '', 'Click or Enter: zoom · Backspace: back · Esc or ' +
    'Home: reset · / or Ctrl+F: search · arrow keys: move')))
const headHolder = drawn('foreignObject', '', head)
const graph = set(drawn('g', 'graph'), { role: 'tree', 'aria-label': 'Flame graph' })
const tip = html('div', 'tip')
const tipHolder = set(drawn('foreignObject', 'float', tip), { width: 1, height: 1 })
tipHolder.style.display = 'none'

svg.querySelector('.picture').remove()
svg.removeAttribute('viewBox')
svg.removeAttribute('role')
svg.setAttribute('width', '100%')
svg.append(headHolder, graph, tipHolder)

const ruler = drawn('text', 'label', 'M'.repeat(100))
graph.append(ruler)
const characterWidth = ruler.getComputedTextLength() / 100 || 7.23

// Text.
function time(ns) {
  if (sides?.isShare) return percent(ns, whole)
  if (ns === 0) return '0 s'
  const [size, unit] = ns >= 1e9 ? [1e9, 's'] : ns >= 1e6 ? [1e6, 'ms'] : [1e3, 'µs']
  const value = ns / size
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2) + ' ' + unit
}
const percent = (part, whole) => (whole > 0 ? (100 * part / whole).toFixed(2) : '0.00') + ' %'
const count = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',')
const place = (file, line) => (file && line ? file + ':' + line : file)
const columnsOf = (text) => {
  let columns = 0
  for (const character of text) columns += character.codePointAt(0) < 0x1100 ? 1 : 2
  return columns
}
const cutEnd = (text, columns) => {
  const kept = cut([...text], columns)
  return kept === text ? text : kept + '…'
}
const cutStart = (text, columns) => {
  const kept = [...cut([...text].reverse(), columns)].reverse().join('')
  return kept === text ? text : '…' + kept
}
function cut(characters, columns) {
  if (columnsOf(characters) <= columns) return characters.join('')
  let kept = ''
  for (const character of characters) {
    columns -= columnsOf(character)
    if (columns < 1) break
    kept += character
  }
  return kept
}

// Drawing.
const windowWidth = () => Math.max(200, svg.getBoundingClientRect().width)
function draw(resized = false) {
  width = windowWidth() - 2 * PAD
  reset.hidden = zoom === 0
  boxes = new Map()
  levels = []
  const made = []
  for (let box = parent[zoom]; box >= 0; box = parent[box]) made.unshift(boxElement(box, 0, width, true))
  const scale = total[zoom] > 0 ? width / total[zoom] : 0
  let hidden = 0
  for (let box = zoom; box < end[zoom]; ) {
    const wide = box === zoom ? width : total[box] * scale
    if (wide < minWidth) {
      hidden += end[box] - box
      box = end[box]
    } else {
      made.push(boxElement(box, (left[box] - left[zoom]) * scale, wide, false))
      box++
    }
  }
  graph.replaceChildren(...made)
  const notes = []
  if (zoom > 0) notes.push('Zoomed to ' + frames[frameOf[zoom]].name + ': ' + time(total[zoom]) +
    ', ' + percent(total[zoom], total[0]) + ' of all.')
  if (hidden > 0) notes.push(count(hidden) + (hidden === 1 ? ' frame is' : ' frames are') +
    ' too narrow to draw at this zoom.')
  if (total[0] === 0) notes.push('The samples stand for no time.')
  note.textContent = notes.join(' ')
  // After a resize the height never shrinks, lest a scroll bar come and go for ever.
  rows = Math.max(resized ? rows : 0, levels.length)
  for (const [box, made] of boxes) {
    const row = isFlame ? rows - 1 - depth[box] : depth[box]
    set(made, { transform: 'translate(0 ' + row * ROW + ')' })
  }
  placeBelowHead()
  if (!boxes.has(focus)) focus = zoom
  boxes.get(focus).setAttribute('tabindex', 0)
}

/** The head is as high as its text needs at this width. */
function placeBelowHead() {
  set(headHolder, { width: width + 2 * PAD, height: 1 })
  const top = Math.ceil(head.getBoundingClientRect().height)
  set(headHolder, { height: top })
  set(graph, { transform: 'translate(' + PAD + ' ' + top + ')' })
  set(svg, { height: top + rows * ROW + PAD })
}

function boxElement(box, x, wide, above) {
  const frame = frames[frameOf[box]]
  const level = depth[box]
  const rect = set(drawn('rect', 'c' + (data.colour ? data.colour[box] : frame.colour)), {
    x, y: 0, width: wide > 2 ? wide - 0.5 : wide, height: ROW - 1,
  })
  const made = set(drawn('g', 'box', rect), { 'data-box': box, role: 'treeitem', tabindex: -1 })
  if (above) made.classList.add('above')
  if (isMatch(box)) made.classList.add('match')
  const columns = Math.floor((wide - 7) / characterWidth)
  if (columns >= 3) {
    const text = set(drawn('text', 'label', cutEnd(frame.name, columns)), {
      x: x + 4, y: ROW - 5.5,
    })
    const rest = columns - columnsOf(frame.name) - 2
    const where = place(frame.file, frame.line)
    if (where && rest >= 4) text.append(drawn('tspan', 'place', '  ' + cutStart(where, rest)))
    made.append(text)
  }
  boxes.set(box, made)
  ;(levels[level] ??= []).push(box)
  return made
}

// Zoom.
function zoomTo(box, remember = true) {
  if (box !== zoom) {
    if (remember) trail.push(zoom)
    zoom = box
  }
  if (box === 0) trail = []
  focus = box
  hideTip()
  draw()
  if (matched) runSearch()
  focusBox(box)
}
function focusBox(box) {
  const target = boxes.get(box)
  if (!target) return
  boxes.get(focus)?.setAttribute('tabindex', -1)
  focus = box
  describe(target, box)
  target.setAttribute('tabindex', 0)
  target.focus()
}

// Search.
const isMatch = (box) => matched !== null && box > 0 && matched.has(frameOf[box])
function runSearch() {
  const text = search.value
  matched = null
  found.textContent = ''
  if (text !== '') {
    let pattern
    try {
      pattern = new RegExp(text, 'iu')
    } catch {
      pattern = new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'iu')
    }
    matched = new Set()
    frames.forEach((frame, index) => {
      if (pattern.test(frame.name) || pattern.test(place(frame.path, frame.line))) matched.add(index)
    })
    let sum = 0, inView = 0, hits = 0, covered = 0
    for (let box = 1; box < boxCount; box++) {
      if (!isMatch(box)) continue
      hits++
      if (box < covered) continue
      covered = end[box]
      sum += total[box]
      if (box >= zoom && box < end[zoom]) inView += total[box]
    }
    for (let box = parent[zoom]; box > 0; box = parent[box]) {
      if (isMatch(box)) inView = total[zoom]
    }
    found.textContent = hits === 0 ? 'No match' : 'Matched ' + percent(sum, total[0]) + ', ' +
      time(sum) + ', ' + count(hits) + (hits === 1 ? ' frame' : ' frames') +
      (zoom > 0 ? '; ' + percent(inView, total[zoom]) + ' of the view' : '')
  }
  svg.classList.toggle('searching', matched !== null)
  for (const [box, drawnBox] of boxes) drawnBox.classList.toggle('match', isMatch(box))
  placeBelowHead()
}
function nextMatch() {
  const hits = [...boxes.keys()].filter((box) => boxes.get(box).classList.contains('match'))
  hits.sort((a, b) => a - b)
  if (hits.length > 0) focusBox(hits.find((box) => box > focus) ?? hits[0])
}

// Details of a box.
function describe(target, box) {
  const frame = frames[frameOf[box]]
  const where = place(frame.path, frame.line)
  target.setAttribute('aria-label', frame.name + (where ? ', ' + where : '') + ', total ' +
    time(total[box]) + ', ' + percent(total[box], total[0]) + ', self ' + time(self[box]) +
    (sides ? ', ' + sideRows(box).map((row) => row.join(' ')).join(', ') : ''))
}
/** What is known of both sides of a box; what was not tested is told by its times only. */
function sideRows(box) {
  const times = (name, base, head) => [name, time(base), time(head)]
  return sides.facts[box] ?? [times('total', before[box], after[box]),
    times('self', sides.base[box], sides.head[box])]
}
function showTip(box, x, y) {
  const frame = frames[frameOf[box]]
  const where = place(frame.path, frame.line)
  const row = (name, ns) => html('tr', '', html('td', '', name), html('td', '', time(ns)),
    html('td', '', percent(ns, total[0])),
    ...(zoom > 0 ? [html('td', '', percent(ns, total[zoom]) + ' of the view')] : []))
  tip.replaceChildren(html('b', '', frame.name), ...(where ? [html('div', 'at', where)] : []),
    html('table', '', ...(sides
      ? sideRows(box).map((cells) => html('tr', '', ...cells.map((cell) => html('td', '', cell))))
      : [row('total', total[box]), row('self', self[box])])))
  tipHolder.style.display = ''
  tip.style.maxWidth = Math.min(640, width - 24) + 'px'
  const size = tip.getBoundingClientRect()
  const view = svg.getBoundingClientRect()
  const lowest = window.innerHeight - view.top - size.height - 4
  let top = y + 16
  if (top > lowest) top = Math.max(-view.top + 4, y - size.height - 10)
  set(tipHolder, { x: Math.max(4, Math.min(x + 12, view.width - size.width - 6)), y: top })
}
function hideTip() {
  tipHolder.style.display = 'none'
}

// Mouse.
const boxAt = (event) => {
  const target = event.target.closest?.('.box')
  return target ? Number(target.dataset.box) : -1
}
graph.addEventListener('click', (event) => {
  const box = boxAt(event)
  if (box >= 0) zoomTo(box)
})
graph.addEventListener('mousemove', (event) => {
  const box = boxAt(event)
  const view = svg.getBoundingClientRect()
  if (box < 0) hideTip()
  else showTip(box, event.clientX - view.left, event.clientY - view.top)
})
graph.addEventListener('mouseleave', hideTip)
reset.addEventListener('click', () => zoomTo(0))
search.addEventListener('input', runSearch)
widths.addEventListener('change', () => {
  measure(sides[widths.value] ?? data.self)
  if (total[zoom] === 0) zoomTo(0)
  else draw()
  if (matched) runSearch()
})

// Keyboard. Focus is listened for on the window: an SVG element that listens takes focus itself.
window.addEventListener('focusin', (event) => {
  const box = graph.contains(event.target) ? boxAt(event) : -1
  if (box < 0 || !event.target.matches(':focus-visible')) return
  const view = svg.getBoundingClientRect()
  const spot = event.target.getBoundingClientRect()
  focus = box
  describe(event.target, box)
  showTip(box, Math.max(spot.left, 0) - view.left, spot.bottom - view.top - 10)
})
window.addEventListener('focusout', hideTip)

function move(key) {
  const level = levels[depth[focus]]
  const at = level.indexOf(focus)
  if (key === (isFlame ? 'ArrowDown' : 'ArrowUp')) return parent[focus]
  if (key === (isFlame ? 'ArrowUp' : 'ArrowDown')) return (levels[depth[focus] + 1] ?? []).find((box) => parent[box] === focus)
  return level[at + (key === 'ArrowRight' ? 1 : -1)]
}
function back() {
  zoomTo(trail.pop() ?? 0, false)
}
const graphKeys = {
  Enter: () => zoomTo(focus),
  ' ': () => zoomTo(focus),
  Backspace: back,
  Home: () => zoomTo(0),
}
window.addEventListener('keydown', (event) => {
  const { key } = event
  if (event.altKey) return
  if ((key === 'f' || key === 'F') && (event.ctrlKey || event.metaKey)) {
    event.preventDefault()
    search.focus()
    search.select()
    return
  }
  if (event.ctrlKey || event.metaKey) return
  if (key === 'Escape') {
    event.preventDefault()
    if (search.value !== '') {
      search.value = ''
      runSearch()
      focusBox(focus)
    } else if (event.target === search) focusBox(focus)
    else zoomTo(0)
    return
  }
  if (event.target === search) {
    if (key === 'Enter') nextMatch()
    return
  }
  if (event.target === widths) return
  if (key === '/') {
    event.preventDefault()
    search.focus()
    search.select()
  } else if (key.startsWith('Arrow')) {
    if (event.target !== document.documentElement && !graph.contains(event.target)) return
    event.preventDefault()
    focusBox(move(key) ?? focus)
  } else if (key in graphKeys && event.target !== reset) {
    event.preventDefault()
    graphKeys[key]()
  }
})

new ResizeObserver(() => {
  if (windowWidth() - 2 * PAD !== width) draw(true)
}).observe(svg)
draw()
})()
`
