import { lineView } from '../profile/line-view.ts'
import type { ProcessIndex, Profile } from '../profile/profile.ts'
import type { Format, FormatOptions } from './format.ts'
import { dataTexts } from './heatmap/data.ts'
import { heatmapPage } from './heatmap/page.ts'
import { filesOfProcesses } from './heatmap/processes.ts'
import { shownSource } from './heatmap/source.ts'
import { summaryLines, warningOf } from './summary.ts'

/**
 * The sources as one page: each file with its lines coloured by the time that was spent there, and
 * with what called and was called from each. All that is needed is in it, gzipped: it opens from disk,
 * in any browser of 2023 or later, and asks for nothing. One file, so that it can be sent, written to
 * stdout and replaced whole like every other output.
 *
 * All sampled time of threads is on the page: what has no file, was missed or had no Python frames has
 * rows of its own. `options.threads` changes nothing.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const view = lineView(profile)
  const ranIn = filesOfProcesses(profile)
  const none: readonly ProcessIndex[] = []
  const findSource = options.findSource ?? (() => ['Sources were not looked for.'])
  yield* heatmapPage({
    exporter: profile.meta.exporter,
    title: options.title ?? profile.meta.command,
    lines: summaryLines(profile),
    warning: warningOf(profile),
    data: dataTexts(view, (file) => {
      if (/^(?:<|$)/.test(file.file)) return undefined
      return shownSource(findSource(file.file, ranIn.get(file.file) ?? none), file, view.functions)
    }),
  })
}

export const heatmap: Format = {
  name: 'heatmap',
  suffixes: ['.heatmap.html'],
  alsoSuffixes: ['.html', '.htm'],
  describe: 'sources with their lines coloured by time, one page to open in a browser',
  options: ['title', 'sourceRoot', 'findSource'],
  isSum: true,
  write,
}
