import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'pyprof-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A path for a file that is gone after the run. */
export function temporary(name: string): string {
  return join(folder, name)
}
