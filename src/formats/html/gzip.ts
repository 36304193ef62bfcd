import { constants, crc32, deflateRawSync } from 'node:zlib'

/** Text is compressed in blocks of this many characters, so that memory stays bounded. */
const BLOCK = 1 << 20

/**
 * One gzip file (RFC 1952) of a long text, in pieces. Each block of text is a deflate stream that
 * ends on a whole byte without being the last (RFC 1951, a sync flush), so they follow one another.
 */
export function* gzipped(pieces: Iterable<string | Uint8Array>): Iterable<Buffer> {
  // No name, no time, unknown system.
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  let check = 0
  let length = 0
  for (const block of blocks(pieces)) {
    check = crc32(block, check)
    length += block.length
    yield deflateRawSync(block, { finishFlush: constants.Z_SYNC_FLUSH })
  }
  const end = Buffer.alloc(10)
  // An empty last block of the fixed kind.
  end.writeUInt16LE(0x0003, 0)
  end.writeUInt32LE(check, 2)
  end.writeUInt32LE(length % 2 ** 32, 6)
  yield end
}

/** Bytes as base64 text, in pieces without line breaks. */
export function* base64(pieces: Iterable<Buffer>): Iterable<string> {
  let rest: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece])
    const whole = bytes.length - (bytes.length % 3)
    yield bytes.toString('base64', 0, whole)
    rest = bytes.subarray(whole)
  }
  yield rest.toString('base64')
}

function* blocks(pieces: Iterable<string | Uint8Array>): Iterable<Buffer> {
  let text = ''
  for (const piece of pieces) {
    text += typeof piece === 'string' ? piece : Buffer.from(piece).toString()
    if (text.length < BLOCK) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}
