import type { Profile } from '../profile/profile.ts'
import type { FindSource } from '../profile/source-files.ts'

export type FormatName =
  | 'speedscope'
  | 'collapsed'
  | 'flamegraph'
  | 'pprof'
  | 'firefox'
  | 'chrometrace'
  | 'callgrind'
  | 'pstats'
  | 'html'
  | 'heatmap'
  | 'table'
  | 'markdown'
  | 'json'
  | 'pyprof'

/** How collapsed stacks name frames: our way, or as the readers of another profiler expect it. */
export const FRAME_STYLES = ['pyprof', 'py-spy', 'tachyon'] as const
export type FrameStyle = (typeof FRAME_STYLES)[number]

/** Where a flame graph has its root: on top, or below. */
export const SHAPES = ['icicle', 'flame'] as const
export type Shape = (typeof SHAPES)[number]

/** What gets a hue of its own: a package (or a file of the program), or each file. */
export const COLOURINGS = ['package', 'module'] as const
export type Colouring = (typeof COLOURINGS)[number]

export interface FormatOptions {
  /** The thread as root frame. */
  readonly threads: boolean
  /** What the output calls itself; the recorded command when absent. */
  readonly title?: string
  /** Default pyprof. */
  readonly style?: FrameStyle
  /** Default icicle. */
  readonly shape?: Shape
  /** The innermost frames at the root of a flame graph, and their callers on them. */
  readonly inverted?: boolean
  /** Default package. */
  readonly colours?: Colouring
  /** px below which a flame graph draws no box; 0.1 when absent. */
  readonly minWidth?: number
  /** How many places a report names; 20 when absent. */
  readonly top?: number
  /** What a report orders places by; self time when absent. */
  readonly sort?: 'self' | 'total'
  /** Width of the terminal that a table is for; it is not cut when absent. */
  readonly columns?: number
  /** Folders to look for sources in, before all others. */
  readonly sourceRoot?: readonly string[]
  /** Where a heatmap gets its sources from; it shows none when absent. */
  readonly findSource?: FindSource
}

/** Options that only some formats have. */
export type FormatOption = Exclude<keyof FormatOptions, 'threads'>

/**
 * One output format. `write` is pure: the same profile and options, and the same sources, give the
 * same bytes.
 */
export interface Format {
  readonly name: FormatName
  /** Ends of file names that mean this format, lower case, with their dot. */
  readonly suffixes: readonly string[]
  /** Beginnings of file names that mean this format where no suffix means any, lower case. */
  readonly prefixes?: readonly string[]
  /** Further ends that do, where the format is named: they usually mean another one. */
  readonly alsoSuffixes?: readonly string[]
  readonly describe: string
  /** It is the recording itself: it holds all of it, whatever is chosen of it to be shown. */
  readonly isRecording?: boolean
  /** It adds samples up, so that those that are alike may come as one row. */
  readonly isSum?: boolean
  /**
   * It adds samples up and tells how far chance may have moved the sums, for which a part of them is
   * enough: those of other instants may come folded, as rows without a time.
   */
  readonly isEstimate?: boolean
  /**
   * About how many bytes a viewer has to hold of it at once, where that grows with the samples: all of
   * its text, unpacked.
   */
  viewerBytes?(profile: Profile): number
  /** The options that it has beside `threads`. */
  readonly options: readonly FormatOption[]
  /** The output in pieces, so that a long recording never needs one string that holds it all. */
  write(profile: Profile, options: FormatOptions): Iterable<string | Uint8Array>
}
