import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The checkout: the nearest folder above this file, in its compiled place, with a package.json. */
function checkout(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export const ROOT = checkout()
