export interface Counts {
  passed: number
  failed: number
  skipped: number
  failures: string[]
}
export function gtestCounts(json: string): Counts
export function vitestCounts(json: string): Counts
export function levelCounts(counts: Counts, ok: boolean, options: { skipsFail: boolean }): Counts
