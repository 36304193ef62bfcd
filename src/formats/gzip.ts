import { constants, crc32, deflateRawSync } from 'node:zlib'

/** RFC 1952: magic, deflate, no flags, no time, no hint on speed, unknown system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
/** Bytes that are compressed together; what is repeated farther away is not found. */
const BLOCK_SIZE = 1 << 20

/**
 * Compresses pieces, text as UTF-8, into one gzip member, block by block, so that the whole is never in memory. It
 * is a single member because some readers stop after the first.
 */
export function* gzipped(pieces: Iterable<string | Uint8Array>): Iterable<Uint8Array> {
  yield HEADER
  let crc = 0
  let length = 0
  for (const block of blocks(pieces)) {
    crc = crc32(block, crc)
    length += block.length
    // A flush ends the block at a byte without ending the stream.
    yield deflateRawSync(block, { finishFlush: constants.Z_SYNC_FLUSH })
  }
  yield deflateRawSync(new Uint8Array(0))
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(length % 2 ** 32, 4)
  yield trailer
}

function* blocks(pieces: Iterable<string | Uint8Array>): Iterable<Uint8Array> {
  let waiting: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    waiting.push(bytes)
    size += bytes.length
    if (size < BLOCK_SIZE) continue
    yield Buffer.concat(waiting)
    waiting = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(waiting)
}
