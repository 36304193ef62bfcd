const NS_PER_UNIT = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const

/** A time such as `30`, `1.5`, `30s`, `500ms`, `5m` or `1h`, in ns; undefined when it is none. */
export function durationNs(text: string): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)(ms|s|m|h)?$/.exec(text)
  return match
    ? Number(match[1]) * NS_PER_UNIT[(match[2] ?? 's') as keyof typeof NS_PER_UNIT]
    : undefined
}

/** Nanoseconds as `durationNs` reads them, in the largest unit that needs no fraction: `5m`. */
export function durationText(ns: number): string {
  for (const unit of ['h', 'm', 's', 'ms'] as const) {
    if (ns % NS_PER_UNIT[unit] === 0) return `${ns / NS_PER_UNIT[unit]}${unit}`
  }
  return `${ns / NS_PER_UNIT.ms}ms`
}
