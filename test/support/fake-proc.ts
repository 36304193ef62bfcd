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
  /** Those that can still be had; all by default. */
  readonly boundingCapabilities?: bigint
  readonly noNewPrivileges?: boolean
  readonly seccomp?: number
  readonly tracer?: number
  /** Its ids in its pid namespaces, outermost first; its own alone by default. */
  readonly namespacePids?: readonly number[]
  readonly processors?: string
  readonly userNamespace?: string
  readonly pidNamespace?: string
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
      `Gid:\t${uid + 1}\t${uid + 1}\t${uid + 1}\t${uid + 1}`,
      `Groups:\t${uid + 1} ${uid + 2} `,
      'Threads:\t3',
      `CapPrm:\t${caps}`,
      `CapEff:\t${caps}`,
      `CapBnd:\t${(process.boundingCapabilities ?? ALL_CAPABILITIES).toString(16)}`,
      `NoNewPrivs:\t${process.noNewPrivileges ? 1 : 0}`,
      `Seccomp:\t${process.seccomp ?? 0}`,
      `TracerPid:\t${process.tracer ?? 0}`,
      `NSpid:\t${(process.namespacePids ?? [pid === 'self' ? 1 : Number(pid)]).join('\t')}`,
      `Cpus_allowed_list:\t${process.processors ?? '0-3'}`,
    ])
    write(root, pid, 'stat', [`${pid} (${name}) S 1 50 50 34816 50 ${process.flags ?? 0} 0 0`])
    write(root, pid, 'uid_map', [process.uidMap ?? '         0          0 4294967295'])
    writeFileSync(join(root, pid, 'cmdline'), process.cmdline ?? 'python3\0app.py\0')
    if (process.exe) symlinkSync(process.exe, join(root, pid, 'exe'))
    for (const [kind, name] of [
      ['user', process.userNamespace],
      ['pid', process.pidNamespace],
    ] as const) {
      if (name === undefined) continue
      mkdirSync(join(root, pid, 'ns'), { recursive: true })
      symlinkSync(name, join(root, pid, 'ns', kind))
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
