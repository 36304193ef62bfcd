/** The look of the page around the viewer, light and dark. */
export const PAGE_STYLE: string = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1c1e21; --muted: #5b616b;
  --edge: #c9ced6; --warn: #a3290b; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181b; --ink: #eceef1; --muted: #a3a9b3; --edge: #4a4f58; --warn: #ff9d80; }
}
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { padding: 8px 12px; border-bottom: 1px solid var(--edge); overflow-wrap: anywhere; }
h1 { font-size: 15px; font-weight: 600; margin: 0; display: inline; }
header p { margin: 0; font-size: 12px; color: var(--muted); }
header .careful { color: var(--warn); }
label { float: right; margin-left: 16px; }
select { font: inherit; max-width: 40vw; }
iframe { flex: 1; min-height: 0; width: 100%; border: 0; }
`

/**
 * The script of the page. It runs in a browser, not here, hence text. It unpacks the profile, hands
 * it to the viewer as a file dropped on it, and does so again with another thread in front when one
 * is picked: of two equal keys in JSON the last counts. Text from the profile only ever becomes text
 * nodes.
 */
export const PAGE_SCRIPT: string = `(() => {
'use strict'
const { title, processes, active } = JSON.parse(document.getElementById('about').textContent)
const frame = document.querySelector('iframe')
const picker = document.querySelector('select')
const problem = document.querySelector('.careful.problem')

for (const { label, threads } of processes) {
  const options = threads.map(({ name, index }) => new Option(name, index, index === active, index === active))
  if (processes.length === 1) picker.append(...options)
  else {
    const group = document.createElement('optgroup')
    group.label = label
    group.append(...options)
    picker.append(group)
  }
}

async function unpack() {
  const text = document.getElementById('profile').textContent
  // A multiple of 4 characters at a time: each is whole bytes.
  const parts = []
  for (let at = 0; at < text.length; at += 1 << 20) {
    parts.push(Uint8Array.from(atob(text.slice(at, at + (1 << 20))), (letter) => letter.charCodeAt(0)))
  }
  return new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream('gzip'))).blob()
}

/** The viewer draws its first element a moment after its document is there. */
async function viewer() {
  for (;;) {
    const found = frame.contentDocument?.querySelector('body > div')
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function show(unpacked) {
  const profile = await unpacked
  const target = await viewer()
  const view = frame.contentWindow
  const transfer = new view.DataTransfer()
  const end = ',"activeProfileIndex":' + Number(picker.value) + '}'
  transfer.items.add(new view.File([profile.slice(0, -2), end], title + '.json'))
  target.dispatchEvent(new view.DragEvent('drop', { dataTransfer: transfer, bubbles: true }))
  frame.focus()
}

const unpacked = unpack()
const shown = () => show(unpacked).catch((error) => {
  problem.textContent = 'The profile could not be shown: ' + error
})
picker.addEventListener('change', shown)
shown()
})()
`
