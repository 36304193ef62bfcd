/** Bytes as base64 text, in pieces without line breaks. */
export function* base64(pieces: Iterable<Uint8Array>): Iterable<string> {
  let rest: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece])
    const whole = bytes.length - (bytes.length % 3)
    yield bytes.toString('base64', 0, whole)
    rest = bytes.subarray(whole)
  }
  yield rest.toString('base64')
}
