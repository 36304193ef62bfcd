/** Reads a list of processors as the kernel writes it, cpuset(7): `0-3,8` is 0, 1, 2, 3, 8. */
export function parseProcessors(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((range) => /^\d{1,5}(?:-\d{1,5})?$/.test(range))
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at)
    })
}

/** The same backwards, of ascending numbers: 0, 1, 2, 3, 8 is `0-3,8`. */
export function formatProcessors(processors: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const processor of processors) {
    const range = ranges.at(-1)
    if (range && range[1] === processor - 1) range[1] = processor
    else ranges.push([processor, processor])
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',')
}
