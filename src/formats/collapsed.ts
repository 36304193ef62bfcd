import { callTree, NODE_KINDS } from '../profile/call-tree-view.ts'
import type { PlaceIndex, PlaceTable } from '../profile/place-view.ts'
import type { Process, Profile, Thread } from '../profile/profile.ts'
import { compareText } from '../profile/views.ts'
import { shortFiles } from './files.ts'
import type { Format, FormatOptions, FrameStyle } from './format.ts'
import {
  displayName,
  EMPTY_FRAME,
  escapeCharacter,
  MISSED_FRAME,
  threadLabel,
  threadName,
  visible,
} from './text.ts'

/** White space before digits at the end, which readers would take for a second count. */
const BEFORE_COUNT = /\s(?=\p{Nd}+(?:\.\p{Nd}*)?$)/u

const WAITING_FRAME = '<waiting tasks>'

/** One frame's text: escapes whatever would end a frame, a line or a count early. */
function escapeFrame(text: string): string {
  return visible(text.replaceAll('\\', '\\\\'))
    .replaceAll(';', escapeCharacter)
    .replace(BEFORE_COUNT, escapeCharacter)
}

interface Texts {
  readonly places: readonly string[]
  thread(thread: Thread): string
}

/**
 * How each profiler names what stands in a stack, by its raw output (`py-spy record -f raw` 0.4.2,
 * `python -m profiling.sampling --collapsed` 3.15.2):
 *
 * - pyprof: `qualname (file:line)`, threads `MainThread (tid 12)`
 * - py-spy: `name (file:line)` by the last part of the qualname, threads `thread (12): MainThread`
 * - tachyon: `file.py:qualname:line` without folders, threads `tid:12`, always at the root
 *
 * A marker is its bare name everywhere. Without a line, none is written. Where a thread is known by
 * its id alone, its waiting tasks stand on a marker of their own.
 */
function textsOf(style: FrameStyle, table: PlaceTable, processes: readonly Process[]): Texts {
  const short = shortFiles(table.file)
  const place = (row: PlaceIndex): string => {
    const name = displayName(table.qualname[row]!)
    const file = table.file[row]!
    const line = table.line[row]!
    if (file === '') return name
    if (style === 'tachyon') {
      const base = file.slice(file.lastIndexOf('/') + 1)
      return line === 0 ? `${base}:${name}` : `${base}:${name}:${line}`
    }
    const at = line === 0 ? short.get(file)! : `${short.get(file)!}:${line}`
    return `${style === 'py-spy' ? name.slice(name.lastIndexOf('.') + 1) : name} (${at})`
  }
  const thread = (each: Thread): string[] => {
    const { nativeId, name, waitingTasks } = each
    if (style === 'py-spy') {
      return [`thread (${nativeId}): ${waitingTasks ? threadName(each) : name}`]
    }
    if (style === 'pyprof') return [threadLabel(each, processes)]
    return [`tid:${nativeId}`, ...(waitingTasks ? [WAITING_FRAME] : [])]
  }
  return {
    places: table.qualname.map((_, row) => escapeFrame(place(row))),
    thread: (each) => thread(each).map(escapeFrame).join(';'),
  }
}

/**
 * Collapsed stacks: a line a path, `root;…;leaf N`, sorted by path (code units).
 *
 * N is true time in whole microseconds. Running totals are rounded, not the numbers themselves, so
 * each N is within 1 µs of the truth and the sum of all N is the rounded sum of all weights. Every
 * sample is in some line: missed ones under `<missed>`, threads without Python frames under
 * `<no Python frames>`. Gaps belong to no sample and are left out.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const tree = callTree(profile, {
    threads: options.threads || options.style === 'tachyon',
  })
  const texts = textsOf(options.style ?? 'pyprof', tree.places, profile.processes)
  const paths: string[] = ['']
  const weights = new Map<string, number>()
  for (let node = 1; node < tree.length; node++) {
    const parent = paths[tree.parent[node]!]!
    const text = nodeText(NODE_KINDS[tree.kind[node]!]!, tree.value[node]!)
    const path = parent === '' ? text : `${parent};${text}`
    paths.push(path)
    if (tree.samples[node]! > 0) weights.set(path, (weights.get(path) ?? 0) + tree.self[node]!)
  }
  let before = 0
  for (const path of [...weights.keys()].sort(compareText)) {
    const after = before + weights.get(path)!
    yield `${path} ${Math.round(after / 1000) - Math.round(before / 1000)}\n`
    before = after
  }

  function nodeText(kind: (typeof NODE_KINDS)[number], value: number): string {
    if (kind === 'thread') return texts.thread(profile.threads[value]!)
    if (kind === 'place') return texts.places[value]!
    return kind === 'missed' ? MISSED_FRAME : EMPTY_FRAME
  }
}

export const collapsed: Format = {
  name: 'collapsed',
  suffixes: ['.collapsed', '.folded', '.txt'],
  describe: 'collapsed stacks, one line a path, weights in microseconds',
  isSum: true,
  options: ['style'],
  write,
}
