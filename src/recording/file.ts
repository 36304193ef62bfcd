import {
  closeSync,
  fdatasync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Profile } from '../profile/profile.ts'
import { RecordingEncoder, type Written } from './encoder.ts'
import type { Counters } from './rows.ts'

const PIECE_BYTES = 1 << 20

/** What a device or pipe says that nothing can be synced on. */
const NOT_SYNCABLE: ReadonlySet<unknown> = new Set(['EINVAL', 'ENOTSUP', 'EROFS', 'EBADF'])

export interface OpenFile {
  readonly fd: number
  readonly path: string
}

/**
 * A `.pyprof` file that grows while its profile does. What is flushed is in the hands of the system, so that the death of this process loses nothing, and is on its way to the disk: one
 * fdatasync at a time runs beside, so that a power cut costs the last append or two and a slow disk
 * does not hold up the sampling. What the disk does not take is kept, encoded, and tried again.
 */
export class RecordingFile {
  readonly #encoder: RecordingEncoder
  readonly #open: () => OpenFile
  #file: OpenFile | undefined
  #pending: Uint8Array[] = []
  #bytes = 0
  /** The header and whole blocks. */
  #written = 0
  #isSyncing = false
  #isEnded = false
  #isClosed = false
  #syncError: unknown

  /**
   * @param open makes a new empty file to write and read; tried again with the next append when it throws
   * @param origin where in the recording the file begins
   */
  constructor(open: () => OpenFile, origin?: Counters) {
    this.#open = open
    this.#encoder = new RecordingEncoder(origin)
    this.#pending.push(this.#encoder.header())
  }

  /** Undefined as long as no file could be made. */
  get path(): string | undefined {
    return this.#file?.path
  }

  /** Bytes in the file, without what it did not take. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a reader finds something in the file. */
  get isReadable(): boolean {
    return this.#written > 1
  }

  /** Takes what is new of a profile; `flush` writes it. */
  add(profile: Profile, written?: Written): void {
    for (const block of this.#encoder.encode(profile, written)) this.#pending.push(block)
  }

  /** Takes the closing block: nothing may be added any more. */
  end(): void {
    if (!this.#isEnded) this.#pending.push(this.#encoder.end())
    this.#isEnded = true
  }

  /** Tries to write what is still to be written. @throws the system's error */
  flush(): void {
    if (!this.#file) {
      this.#file = this.#open()
      syncFolder(dirname(this.#file.path))
    }
    const { fd } = this.#file
    for (let block = this.#pending[0]; block; block = this.#pending[0]) {
      const length = writeSync(fd, block)
      this.#bytes += length
      if (length === block.length) {
        this.#pending.shift()
        this.#written++
      } else {
        this.#pending[0] = block.subarray(length)
      }
    }
    if (this.#syncError !== undefined) throw this.#syncError
    this.#sync(fd)
  }

  /**
   * Writes the closing block and closes the file, which is on the disk then.
   * @throws the system's error; the file stays open
   */
  finish(): void {
    if (this.#isClosed) return
    this.end()
    this.flush()
    try {
      fsyncSync(this.#file!.fd)
    } catch (error) {
      if (!isUnsyncable(error)) throw error
    }
    this.close()
  }

  /** All bytes of the recording so far, also those that the file did not take yet. */
  *pieces(): Generator<Uint8Array> {
    if (this.#file) {
      const fd = this.#isClosed ? openSync(this.#file.path, 'r') : this.#file.fd
      try {
        for (let at = 0; at < this.#bytes; ) {
          const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, this.#bytes - at))
          const length = readSync(fd, piece, 0, piece.length, at)
          if (length === 0) break
          yield piece.subarray(0, length)
          at += length
        }
      } finally {
        if (this.#isClosed) closeSync(fd)
      }
    }
    yield* this.#pending
  }

  /** Takes into memory what is in the file, and removes it. @throws the system's error */
  takeBack(): void {
    const all = [...this.pieces()]
    this.discard()
    this.#file = undefined
    this.#isClosed = false
    this.#pending = all
    this.#bytes = 0
    this.#written = 0
  }

  /** What the file does not hold: all that is missing to a complete recording. */
  rest(): readonly Uint8Array[] {
    return this.#pending
  }

  /** Closes it as it is; it can be read all the same. */
  close(): void {
    if (this.#file && !this.#isClosed) closeSync(this.#file.fd)
    this.#isClosed = true
  }

  /** Closes and removes the file. */
  discard(): void {
    this.close()
    const path = this.path
    if (path !== undefined) attempt(() => unlinkSync(path))
  }

  /** Moves it over another file. @throws the system's error */
  replace(path: string): void {
    if (!this.#file || this.#file.path === path) return
    renameSync(this.#file.path, path)
    this.#file = { fd: this.#file.fd, path }
    syncFolder(dirname(path))
  }

  #sync(fd: number): void {
    if (this.#isSyncing) return
    this.#isSyncing = true
    fdatasync(fd, (error) => {
      this.#isSyncing = false
      if (error && !this.#isClosed && !isUnsyncable(error)) this.#syncError = error
    })
  }
}

function isUnsyncable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NOT_SYNCABLE.has(error.code)
}

/** A file's name is on the disk only when its folder is. */
export function syncFolder(folder: string): void {
  attempt(() => {
    const fd = openSync(folder, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  })
}

function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // It was worth a try: nothing is lost without it.
  }
}
