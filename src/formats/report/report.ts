import { byFunction } from '../../profile/granularity.ts'
import { type HotPlaces, hotPlaces } from '../../profile/hot-places.ts'
import type { Interval } from '../../profile/intervals.ts'
import type { Granularity, Profile } from '../../profile/profile.ts'
import { shortFiles } from '../files.ts'
import type { FormatOption, FormatOptions } from '../format.ts'
import { displayName, formatCount } from '../text.ts'

export const REPORT_OPTIONS: readonly FormatOption[] = ['title', 'top', 'sort']

const DEFAULT_TOP = 20

/** The hottest places of one kind. */
export interface ReportTable extends HotPlaces {
  readonly of: Granularity
}

/** The tables of a report: functions and lines, or what the profile is merged to. */
export function reportTables(profile: Profile, options: FormatOptions): ReportTable[] {
  const limit = options.top ?? DEFAULT_TOP
  const by = options.sort ?? 'self'
  const granularity = profile.meta.view?.granularity ?? 'lines'
  const own = { of: granularity, ...hotPlaces(profile, { limit, by }) }
  if (granularity !== 'lines') return [own]
  return [{ of: 'functions', ...hotPlaces(byFunction(profile), { limit, by }) }, own]
}

/** `Functions by self time`. */
export function heading(of: Granularity, { sort = 'self' }: FormatOptions): string {
  return `${of.charAt(0).toUpperCase()}${of.slice(1)} by ${sort} time`
}

export const INTERVAL_NOTE: string =
  'Shares are of the sampled time of all threads. The ranges are 95 % confidence intervals, from ' +
  'blocks of time of this run; another run may differ by more. Where there is –, something came ' +
  'and went too seldom to judge.'

/** `12.3 – 15.6 %`, or `–`. */
export function intervalText(interval: Interval | null): string {
  if (!interval) return '–'
  return `${(interval.low * 100).toFixed(1)} – ${shareText(interval.high)}`
}

export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** What the limit left out, in words; '' when it left out nothing. */
export function moreText({ of, more, all }: ReportTable): string {
  if (more.places === 0) return ''
  const noun = more.places === 1 ? of.slice(0, -1) : of
  const share = shareText(all === 0 ? 0 : more.self / all)
  return `${formatCount(more.places)} more ${noun}, self time together ${share}`
}

/** Name and place of each row, as short as can be told apart. */
export function rowTexts({ rows }: ReportTable): { readonly name: string; readonly at: string }[] {
  const short = shortFiles(rows.map(({ file }) => file))
  return rows.map(({ qualname, file, line }) => {
    const path = short.get(file)!
    return { name: displayName(qualname), at: line === 0 ? path : `${path}:${line}` }
  })
}
