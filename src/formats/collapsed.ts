import { callTree, NODE_KINDS } from '../profile/call-tree-view.ts'
import type { PlaceTable } from '../profile/place-view.ts'
import type { Profile } from '../profile/profile.ts'
import { compareText } from '../profile/views.ts'
import { shortFiles } from './files.ts'
import type { Format, FormatOptions } from './format.ts'
import {
  displayName,
  EMPTY_FRAME,
  escapeCharacter,
  MISSED_FRAME,
  threadLabel,
  visible,
} from './text.ts'

/** White space before digits at the end, which readers would take for a second count. */
const BEFORE_COUNT = /\s(?=\p{Nd}+(?:\.\p{Nd}*)?$)/u

/** One frame's text: escapes whatever would end a frame, a line or a count early. */
function escapeFrame(text: string): string {
  return visible(text.replaceAll('\\', '\\\\'))
    .replaceAll(';', escapeCharacter)
    .replace(BEFORE_COUNT, escapeCharacter)
}

/** `qualname (file:line)`, without what is unknown; a marker has neither file nor line. */
function placeTexts(table: PlaceTable): string[] {
  const short = shortFiles(table.file)
  return table.qualname.map((qualname, place) => {
    const file = short.get(table.file[place]!)!
    const line = table.line[place]!
    const at = line === 0 ? file : `${file}:${line}`
    return escapeFrame(file === '' ? displayName(qualname) : `${displayName(qualname)} (${at})`)
  })
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
  const tree = callTree(profile, { threads: options.threads })
  const texts = placeTexts(tree.places)
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
    if (kind === 'thread') {
      return escapeFrame(threadLabel(profile.threads[value]!, profile.processes))
    }
    if (kind === 'place') return texts[value]!
    return kind === 'missed' ? MISSED_FRAME : EMPTY_FRAME
  }
}

export const collapsed: Format = {
  name: 'collapsed',
  suffixes: ['.collapsed', '.folded', '.txt'],
  describe: 'collapsed stacks, one line a path, weights in microseconds',
  write,
}
