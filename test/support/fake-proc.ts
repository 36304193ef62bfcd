import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Proc, procAt } from '../../src/sampling/proc.ts'

export interface FakeProcess {
  readonly name?: string
  readonly state?: string
  readonly tgid?: number
  readonly uid?: number
  /** Bit mask of both effective and permitted capabilities. */
  readonly capabilities?: bigint
  readonly seccomp?: number
  readonly userNamespace?: string
  readonly uidMap?: string
  readonly exe?: string
  readonly cmdline?: string
  /** The `flags` field of stat. */
  readonly flags?: number
  /** Owner of its files. */
  readonly owner?: number
}

const ALL_CAPABILITIES = (1n << 41n) - 1n

export const ROOT = { uid: 0, capabilities: ALL_CAPABILITIES }
export const USER = { uid: 1000, capabilities: 0n }

/** A folder shaped like /proc, with one file a fact. */
export function fakeProc(
  root: string,
  processes: Readonly<Record<string, FakeProcess>>,
  files: Readonly<Record<string, string>> = {},
): Proc {
  const owners = new Map<string, number>()
  for (const [pid, process] of Object.entries(processes)) {
    const uid = process.uid ?? 1000
    const caps = (process.capabilities ?? 0n).toString(16).padStart(16, '0')
    const name = process.name ?? 'python3'
    write(root, pid, 'status', [
      `Name:\t${name}`,
      `State:\t${process.state ?? 'S'} (sleeping)`,
      `Tgid:\t${process.tgid ?? (pid === 'self' ? 1 : pid)}`,
      `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
      'Threads:\t3',
      `CapPrm:\t${caps}`,
      `CapEff:\t${caps}`,
      `Seccomp:\t${process.seccomp ?? 0}`,
    ])
    write(root, pid, 'stat', [`${pid} (${name}) S 1 50 50 34816 50 ${process.flags ?? 0} 0 0`])
    write(root, pid, 'uid_map', [process.uidMap ?? '         0          0 4294967295'])
    writeFileSync(join(root, pid, 'cmdline'), process.cmdline ?? 'python3\0app.py\0')
    if (process.exe) symlinkSync(process.exe, join(root, pid, 'exe'))
    if (process.userNamespace) {
      mkdirSync(join(root, pid, 'ns'))
      symlinkSync(process.userNamespace, join(root, pid, 'ns', 'user'))
    }
    owners.set(pid, process.owner ?? uid)
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return { ...procAt(root), owner: (pid) => owners.get(String(pid)) }
}

function write(root: string, pid: string, file: string, lines: readonly string[]): void {
  mkdirSync(join(root, pid), { recursive: true })
  writeFileSync(join(root, pid, file), `${lines.join('\n')}\n`)
}
