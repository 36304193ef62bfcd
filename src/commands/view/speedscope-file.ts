/** A speedscope file as far as a page has to know it; foreign values are unchecked. */
export interface SpeedscopeFile {
  readonly name?: unknown
  readonly exporter?: unknown
  readonly activeProfileIndex?: unknown
  /** What pyprof adds. */
  readonly pyprof?: unknown
  /** Names of the profiles. */
  readonly profiles: readonly unknown[]
  /** Bytes up to the end of the object. */
  readonly length: number
}

const KEYS = ['name', 'exporter', 'activeProfileIndex', 'pyprof'] as const
type Key = (typeof KEYS)[number]
/** What a page shows of a file is far less. */
const MAX_VALUE = 64 * 1024 * 1024

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Looks through a speedscope file without holding it: one of a long recording is longer than any
 * string may be. Only what is returned is read as JSON. @returns undefined when it is none
 */
export function scanSpeedscope(chunks: Iterable<Uint8Array>): SpeedscopeFile | undefined {
  const scan = new Scan()
  for (const chunk of chunks) if (!scan.feed(chunk)) return undefined
  return scan.result()
}

class Scan {
  readonly #values: Partial<Record<Key, unknown>> = {}
  readonly #profiles: unknown[] = []
  #hasShared = false
  #offset = 0
  /** Bytes up to the end of the object; 0 before it. */
  #length = 0
  /** Objects and lists that are open. */
  #depth = 0
  #inProfiles = false
  #inString = false
  #isEscaped = false
  /** Whether a string that begins is the name of a member that may matter. */
  #atKey = false
  #key = ''
  /** Depth of the member whose value is kept; 0 while a key is, -1 when nothing is. */
  #kept = -1
  #parts: Uint8Array[] = []
  #partsLength = 0

  /** @returns whether it may be a speedscope file */
  feed(chunk: Uint8Array): boolean {
    let from = this.#kept === -1 ? -1 : 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === BACKSLASH) this.#isEscaped = true
        else if (byte === QUOTE) {
          this.#inString = false
          if (this.#kept === 0) {
            this.#keep(chunk.subarray(from, at + 1))
            this.#key = String(this.#take())
            from = -1
          }
        }
        continue
      }
      // Digits, blanks and letters, which most of a file is.
      if (byte <= 0x20 || (byte >= 0x2d && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a)) {
        if (byte > 0x20 && !this.#mayStandHere()) return false
        continue
      }
      switch (byte) {
        case QUOTE:
          if (!this.#mayStandHere()) return false
          this.#inString = true
          if (!this.#atKey || !this.#isAtMember()) break
          this.#atKey = false
          this.#kept = 0
          from = at
          break
        case COLON:
          if (!this.#isAtMember() || this.#kept !== -1 || !this.#isWanted()) break
          this.#kept = this.#depth
          from = at + 1
          break
        case COMMA:
        case CLOSE_OBJECT:
        case CLOSE_LIST:
          if (this.#kept > 0 && this.#kept === this.#depth) {
            this.#keep(chunk.subarray(from, at))
            this.#set(this.#take())
            from = -1
          }
          if (byte === COMMA) this.#atKey = true
          else if (!this.#close(this.#offset + at + 1)) return false
          break
        case OPEN_OBJECT:
        case OPEN_LIST:
          if (!this.#open(byte === OPEN_OBJECT)) return false
          break
        default:
          if (!this.#mayStandHere()) return false
      }
    }
    if (from !== -1) this.#keep(chunk.slice(from))
    this.#offset += chunk.length
    return true
  }

  result(): SpeedscopeFile | undefined {
    if (this.#length === 0 || !this.#hasShared || this.#profiles.length === 0) return undefined
    return { ...this.#values, profiles: this.#profiles, length: this.#length }
  }

  /** Whether the next name or value belongs to the file itself, or to one of its profiles. */
  #isAtMember(): boolean {
    return this.#depth === 1 || (this.#depth === 3 && this.#inProfiles)
  }

  /** Outside of the object there is nothing, and among the profiles there are objects only. */
  #mayStandHere(): boolean {
    return this.#depth > 0 && !(this.#depth === 2 && this.#inProfiles)
  }

  #isWanted(): boolean {
    return this.#depth === 1 ? KEYS.some((key) => key === this.#key) : this.#key === 'name'
  }

  #open(isObject: boolean): boolean {
    if (this.#depth === 0 && (!isObject || this.#length > 0)) return false
    if (this.#depth === 1 && this.#key === 'profiles') {
      this.#inProfiles = !isObject
      this.#profiles.length = 0
    }
    if (this.#depth === 1 && this.#key === 'shared') this.#hasShared = isObject
    if (this.#depth === 2 && this.#inProfiles) {
      if (!isObject) return false
      this.#profiles.push(undefined)
    }
    this.#depth++
    this.#atKey = isObject
    return true
  }

  #close(end: number): boolean {
    if (this.#depth === 0) return false
    this.#depth--
    if (this.#depth === 1) this.#inProfiles = false
    if (this.#depth === 0) this.#length = end
    return true
  }

  #keep(part: Uint8Array): void {
    this.#partsLength += part.length
    if (this.#partsLength <= MAX_VALUE) this.#parts.push(part)
  }

  /** What was kept, as JSON; undefined when it is none, or too long. */
  #take(): unknown {
    const text = this.#partsLength <= MAX_VALUE ? Buffer.concat(this.#parts).toString() : ''
    this.#kept = -1
    this.#parts = []
    this.#partsLength = 0
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }

  #set(value: unknown): void {
    if (this.#depth === 1) this.#values[this.#key as Key] = value
    else this.#profiles[this.#profiles.length - 1] = value
  }
}
