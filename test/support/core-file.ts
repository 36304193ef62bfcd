import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs'
import { endianness } from 'node:os'

/** What an own core leaves out. */
export interface CoreOptions {
  /** Pages of files that nobody has written to, as the kernel does by default. Default true. */
  readonly withoutFiles?: boolean
}

interface Mapping {
  readonly start: number
  readonly end: number
  readonly flags: number
  readonly offset: number
  readonly path: string
}

const PAGE = 4096
const [PT_LOAD, PT_NOTE, ET_CORE, EM_X86_64] = [1, 4, 4, 62]
const [NT_PRSTATUS, NT_PRPSINFO, NT_FILE] = [1, 3, 0x46494c45]

/**
 * Writes a core file of a process of the tests, as the kernel would: without what is only a copy of
 * a file. Works where there is no debugger and where no process may dump core.
 */
export function writeCore(
  pid: number,
  file: string,
  { withoutFiles = true }: CoreOptions = {},
): void {
  if (endianness() !== 'LE') throw new Error('Only for little-endian machines.')
  process.kill(pid, 'SIGSTOP')
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    waitUntilStopped(pid)
    const mappings = mappingsOf(pid).filter(
      ({ path }) => path !== '[vvar]' && path !== '[vsyscall]',
    )
    write(file, notesOf(pid, mappings), mappings, (mapping) => {
      const isCopy = mapping.path.startsWith('/') && (mapping.flags & 2) === 0
      // The beginning of each ELF file is there, by which it is known again.
      const size =
        withoutFiles && isCopy ? (mapping.offset === 0 ? PAGE : 0) : mapping.end - mapping.start
      const bytes = Buffer.alloc(size)
      try {
        const got = readSync(memory, bytes, 0, size, mapping.start)
        return bytes.subarray(0, got)
      } catch {
        return bytes.subarray(0, 0)
      }
    })
  } finally {
    closeSync(memory)
    process.kill(pid, 'SIGCONT')
  }
}

/** Makes a core with gcore; false when that is not installed. @throws Error when it fails */
export function gcore(pid: number, prefix: string): boolean {
  const result = spawnSync('gcore', ['-o', prefix, String(pid)], { encoding: 'utf8' })
  if (result.error && 'code' in result.error && result.error.code === 'ENOENT') return false
  if (result.status !== 0) throw new Error(`gcore: ${result.stderr}`)
  return true
}

function waitUntilStopped(pid: number): void {
  const isStopped = (task: string) =>
    / [Tt]/.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').replace(/^.*\)/, ''))
  while (!readdirSync(`/proc/${pid}/task`).every(isStopped)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
}

function mappingsOf(pid: number): Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) \S+ \d+\s*(.*)$/.exec(line)!
    const [, start, end, rights, offset, path] = match
    const flags = [...'rwx'].reduce(
      (sum, right, at) => sum | (rights![at] === right ? 4 >> at : 0),
      0,
    )
    return {
      start: Number.parseInt(start!, 16),
      end: Number.parseInt(end!, 16),
      flags,
      offset: Number.parseInt(offset!, 16),
      path: path!,
    }
  })
}

function notesOf(pid: number, mappings: readonly Mapping[]): Buffer {
  const info = Buffer.alloc(136)
  info.writeInt32LE(pid, 24)
  info.write(readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 40, 16)
  info.write(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 79), 56)
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) =>
    note(NT_PRSTATUS, statusOf(pid, task)),
  )
  return Buffer.concat([...tasks, note(NT_PRPSINFO, info), note(NT_FILE, filesOf(mappings))])
}

/** Registers as far as they matter: the system call and its first argument. */
function statusOf(pid: number, task: string): Buffer {
  const status = Buffer.alloc(336)
  status.writeInt32LE(Number(task), 32)
  const [call = '', first = '0'] = readFileSync(`/proc/${pid}/task/${task}/syscall`, 'utf8').split(
    ' ',
  )
  const number = /^\d+$/.test(call) ? BigInt(call) : -1n
  status.writeBigInt64LE(number, 112 + 8 * 15)
  status.writeBigUInt64LE(number < 0n ? 0n : BigInt(first), 112 + 8 * 14)
  return status
}

function filesOf(mappings: readonly Mapping[]): Buffer {
  const files = mappings.filter(({ path }) => path.startsWith('/'))
  const words = [BigInt(files.length), BigInt(PAGE)]
  for (const { start, end, offset } of files) {
    words.push(BigInt(start), BigInt(end), BigInt(offset / PAGE))
  }
  const head = Buffer.from(BigUint64Array.from(words).buffer)
  return Buffer.concat([head, Buffer.from(files.map(({ path }) => `${path}\0`).join(''))])
}

function note(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(20)
  head.writeUInt32LE(5, 0)
  head.writeUInt32LE(content.length, 4)
  head.writeUInt32LE(type, 8)
  head.write('CORE\0', 12)
  return Buffer.concat([head, content, Buffer.alloc(-content.length & 3)])
}

function write(
  file: string,
  notes: Buffer,
  mappings: readonly Mapping[],
  bytesOf: (mapping: Mapping) => Buffer,
): void {
  const fd = openSync(file, 'w')
  const headers = Buffer.alloc(64 + 56 * (mappings.length + 1))
  headers.write('\x7fELF\x02\x01\x01', 'latin1')
  headers.writeUInt16LE(ET_CORE, 16)
  headers.writeUInt16LE(EM_X86_64, 18)
  headers.writeUInt32LE(1, 20)
  headers.writeBigUInt64LE(64n, 32)
  headers.writeUInt16LE(64, 52)
  headers.writeUInt16LE(56, 54)
  headers.writeUInt16LE(mappings.length + 1, 56)
  let offset = headers.length
  const segment = (index: number, type: number, flags: number, words: readonly number[]) => {
    const at = 64 + 56 * index
    headers.writeUInt32LE(type, at)
    headers.writeUInt32LE(flags, at + 4)
    for (const [i, word] of words.entries()) headers.writeBigUInt64LE(BigInt(word), at + 8 + 8 * i)
  }
  segment(0, PT_NOTE, 4, [offset, 0, 0, notes.length, 0, 4])
  writeSync(fd, notes, 0, notes.length, offset)
  offset += notes.length
  for (const [index, mapping] of mappings.entries()) {
    const bytes = bytesOf(mapping)
    const size = mapping.end - mapping.start
    segment(index + 1, PT_LOAD, mapping.flags, [offset, mapping.start, 0, bytes.length, size, 1])
    writeSync(fd, bytes, 0, bytes.length, offset)
    offset += bytes.length
  }
  writeSync(fd, headers, 0, headers.length, 0)
  closeSync(fd)
}
