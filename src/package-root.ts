import { join } from 'node:path'

/** The folder of the installed package, or of the checkout: src/ and the built dist/ are in it. */
export const PACKAGE_ROOT: string = join(import.meta.dirname, '..')
