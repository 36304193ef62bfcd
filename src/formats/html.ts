import type { ProcessIndex, Profile, ThreadIndex } from '../profile/profile.ts'
import type { Format, FormatOptions } from './format.ts'
import { type PageProcess, page } from './html/page.ts'
import { speedscope } from './speedscope.ts'
import { summaryLines, warningOf } from './summary.ts'
import { threadLabel } from './text.ts'
import { SamplesByThread } from './threads.ts'

/** One page with speedscope inside and the profile loaded, see `page`. */
function write(profile: Profile, options: FormatOptions): Iterable<string> {
  const { order, busiest } = new SamplesByThread(profile)
  return page({
    exporter: profile.meta.exporter,
    title: options.title ?? profile.meta.command,
    lines: summaryLines(profile),
    warning: warningOf(profile),
    processes: processesOf(profile, order),
    active: order.length > 0 ? busiest : 0,
    profile: speedscope.write(profile, options),
  })
}

/** The threads in the order of the file, by process. */
function processesOf(profile: Profile, order: readonly ThreadIndex[]): PageProcess[] {
  const byProcess = new Map<ProcessIndex, { name: string; index: number }[]>()
  for (const [index, thread] of order.entries()) {
    const row = profile.threads[thread]!
    const known = byProcess.get(row.process) ?? []
    const name = threadLabel(row, profile.processes)
    byProcess.set(row.process, [...known, { name, index }])
  }
  return [...byProcess].map(([process, threads]) => {
    const { pid, command } = profile.processes[process]!
    return { label: `${pid}: ${command}`, threads }
  })
}

export const html: Format = {
  name: 'html',
  suffixes: ['.html', '.htm'],
  describe: 'one page with speedscope inside, to open in a browser',
  options: ['title'],
  viewerBytes: (profile) => speedscope.viewerBytes?.(profile) ?? 0,
  write,
}
