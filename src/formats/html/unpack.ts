/**
 * Browser code, hence text: a function `unpack(id)` that gives the Blob of what stands gzipped and in
 * base64 in the element of that id.
 */
export const UNPACK: string = `
async function unpack(id) {
  const text = document.getElementById(id).textContent
  // A multiple of 4 characters at a time: each is whole bytes.
  const parts = []
  for (let at = 0; at < text.length; at += 1 << 20) {
    parts.push(Uint8Array.from(atob(text.slice(at, at + (1 << 20))), (letter) => letter.charCodeAt(0)))
  }
  return new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream('gzip'))).blob()
}
`
