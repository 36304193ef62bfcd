import { formatCount } from '../formats/text.ts'

/** `3 threads`, `1 thread`. */
export function counted(value: number, noun: string, plural = 's'): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : plural}`
}

/** A rate with three or more digits: `99.8 Hz`, `0.512 Hz`, `1,000 Hz`. */
export function formatRate(hertz: number): string {
  return `${significant(hertz)} Hz`
}

/** A share of 0 to 1 with one decimal: `12.3 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** `812 B`, `12.3 kB`, `4.56 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1e6 ? `${significant(bytes / 1e3)} kB` : `${significant(bytes / 1e6)} MB`
}

function significant(value: number): string {
  return value >= 100 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}
