import type { Colour, ColourIndex, Legend } from './colours.ts'

/** How many steps there are from a small to a large change. */
const STEPS = 4

/**
 * The fills of a differential graph: red for what grew and blue for what shrank, which people who do
 * not tell red from green can tell, each in four steps; grey for what did not change. Dark text on
 * the light ones and light text on the dark ones reads everywhere.
 */
export const CHANGE_COLOURS: readonly Colour[] = [
  ['#ffd9d2', '#4a2a27'],
  ['#ffb8ac', '#6b302b'],
  ['#ff9384', '#8c352d'],
  ['#f96f5f', '#ad3a30'],
  ['#d6e6ff', '#27344a'],
  ['#b0cfff', '#284569'],
  ['#86b5ff', '#285789'],
  ['#5f9bf7', '#286aaa'],
  ['#e3e4e6', '#34363b'],
]

export const NO_CHANGE: ColourIndex = CHANGE_COLOURS.length - 1

export const CHANGE_LEGEND: Legend = [
  { label: 'grew', colours: [0, 1, 2, 3] },
  { label: 'shrank', colours: [4, 5, 6, 7] },
  { label: 'no change shown', colours: [NO_CHANGE] },
]

/** Growth, as a fraction, from which on each step begins. */
const LIMITS = [0, 0.1, 0.25, 0.6] as const

/**
 * The colour of a change.
 * @param change head over base, less 1; infinite for what is new, -1 for what vanished
 */
export function changeColour(change: number): ColourIndex {
  const growth = change > 0 ? change : -change / (1 + change)
  const step = LIMITS.findLastIndex((limit) => growth >= limit)
  return (change > 0 ? 0 : STEPS) + Math.max(0, step)
}
