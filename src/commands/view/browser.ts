import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether there is a screen that a browser could open on. */
export function hasScreen(): boolean {
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/**
 * Opens an address in the user's browser. The address holds a secret, and command lines can be read by
 * every user, so the browser is given a file that only its owner can read and that leads there.
 * @returns removes the file
 */
export function openBrowser(url: string): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-view-'))
  const file = join(folder, 'open.html')
  writeFileSync(file, `<!DOCTYPE html><meta http-equiv="refresh" content="0;url=${url}">\n`, {
    mode: 0o600,
  })
  const opener = spawn('xdg-open', [file], { detached: true, stdio: 'ignore' })
  // Without xdg-open there is the address on stderr.
  opener.on('error', () => {})
  opener.unref()
  return () => rmSync(folder, { recursive: true, force: true })
}
