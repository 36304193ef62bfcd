import { originOf } from '../../profile/origin.ts'

/**
 * Categories of frames and markers; the first grey one is the default. The colours are those that
 * the viewer knows; what is transparent counts as idle there.
 */
export const CATEGORIES = [
  { name: 'Other', color: 'grey' },
  { name: 'Program', color: 'yellow' },
  { name: 'Package', color: 'blue' },
  { name: 'Standard library', color: 'green' },
  { name: 'Interpreter', color: 'purple' },
  { name: 'Missed', color: 'darkgrey' },
  { name: 'No Python frames', color: 'transparent' },
  { name: 'CPU', color: 'lightblue' },
  { name: 'GIL', color: 'orange' },
  { name: 'GC', color: 'brown' },
  { name: 'Exception', color: 'red' },
  { name: 'Quality', color: 'magenta' },
] as const
export type CategoryName = (typeof CATEGORIES)[number]['name']

export function category(name: CategoryName): number {
  return CATEGORIES.findIndex((category) => category.name === name)
}

const BY_ORIGIN = {
  app: 'Program',
  package: 'Package',
  stdlib: 'Standard library',
  marker: 'Interpreter',
} as const

/** The category of code in a file; '' stands for a marker such as `<truncated>`. */
export function categoryOfFile(file: string): number {
  return category(BY_ORIGIN[originOf(file).origin])
}
