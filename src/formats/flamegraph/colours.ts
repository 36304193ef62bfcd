import { dottedModule, type Origin, originOf } from '../../profile/origin.ts'
import type { Colouring } from '../format.ts'
import { GROUND } from './style.ts'

/** Index into COLOURS; also the number in the CSS class, `c7`. */
export type ColourIndex = number

/** A fill for light and one for dark surroundings. */
export type Colour = readonly [light: string, dark: string]

/**
 * The fills by origin: warm for the program's own code, green to pink for packages, slate for the
 * standard library, grey for what is not code. Within an origin lightness alternates; all are of
 * one perceived strength (OKLCH lightness 0.79-0.90 light, 0.32-0.46 dark), so that dark text on
 * the light ones and light text on the dark ones reads everywhere.
 */
const FAMILIES: Readonly<Record<Origin, readonly Colour[]>> = {
  app: [
    ['#f7a098', '#6e3330'],
    ['#ffb69c', '#804634'],
    ['#f1a77d', '#6b3818'],
    ['#ffbe87', '#7a4b21'],
    ['#e6af6d', '#643e03'],
    ['#f2c67c', '#715215'],
    ['#d5b868', '#594500'],
    ['#ded07d', '#635916'],
  ],
  package: [
    ['#acc98f', '#374d1f'],
    ['#a9e1b4', '#34613f'],
    ['#84d0b5', '#05523f'],
    ['#8ce3dd', '#0a625e'],
    ['#7acce0', '#004f5e'],
    ['#b1d2ff', '#3c557f'],
    ['#b2b8f4', '#3d406c'],
    ['#d9c5ff', '#5c4b79'],
    ['#d7ace0', '#57375e'],
    ['#fabbde', '#73445f'],
  ],
  stdlib: [
    ['#d6dfea', '#2c333d'],
    ['#cbd3df', '#353c46'],
    ['#c0c8d3', '#3e4650'],
    ['#b5bdc8', '#474f59'],
  ],
  marker: [['#dcdcdc', '#3d3d40']],
}

/** How far each fill goes towards the ground: the functions of a module differ a little. */
const SHADES = [0, 0.16, 0.32]

const BASES: readonly Colour[] = Object.values(FAMILIES).flat()
export const COLOURS: readonly Colour[] = BASES.flatMap(([light, dark]) =>
  SHADES.map((shade): Colour => [mix(light, GROUND[0], shade), mix(dark, GROUND[1], shade)]),
)

/**
 * The colour of a function: a hue for its package or its module, a shade for its name, the same in
 * every graph. What is not code has an empty file.
 */
export function colourOf(file: string, name: string, colours: Colouring = 'package'): ColourIndex {
  const { origin, module: top } = originOf(file)
  const module = colours === 'package' ? top : dottedModule(file)
  const family = FAMILIES[origin]
  const base = BASES.indexOf(family[hash(module) % family.length]!)
  return base * SHADES.length + (origin === 'marker' ? 0 : hash(name) % SHADES.length)
}

/** CSS for fills, of SVG shapes and HTML elements alike. */
export function fillRules(colours: readonly Colour[] = COLOURS): string {
  const rules = (theme: 0 | 1) =>
    colours
      .map(({ [theme]: fill }, index) => `.c${index}{fill:${fill};background:${fill}}\n`)
      .join('')
  return `${rules(0)}@media (prefers-color-scheme: dark) {\n${rules(1)}}\n`
}

/** What colours mean. */
export type Legend = readonly {
  readonly label: string
  readonly colours: readonly ColourIndex[]
}[]

/** Some colours of each family that stands for code. */
export const LEGEND: Legend = (
  [
    ['program', 'app'],
    ['packages', 'package'],
    ['standard library', 'stdlib'],
  ] as const
).map(([label, origin]) => ({
  label,
  colours: FAMILIES[origin].slice(0, 4).map((colour) => BASES.indexOf(colour) * SHADES.length),
}))

/** Two colours mixed channel by channel; `share` is that of the second. */
function mix(first: string, second: string, share: number): string {
  const channels = [1, 3, 5].map((at) => {
    const [a, b] = [first, second].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16))
    return Math.round(a! + (b! - a!) * share)
  })
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** FNV-1a, 32 bits, over UTF-16 code units (draft-eastlake-fnv). */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  }
  return value >>> 0
}
