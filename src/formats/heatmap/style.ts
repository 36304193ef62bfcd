/** The look of a heatmap, light and dark. A row's `--heat` is 0 to 1. */
export const STYLE: string = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1c1e21; --muted: #5b616b;
  --edge: #d5d9df; --panel: #f5f6f8; --warn: #a3290b; --link: #0b57d0; --hot: #ff8a4c; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181b; --ink: #eceef1; --muted: #a3a9b3; --edge: #3c4048; --panel: #22242a;
    --warn: #ff9d80; --link: #8ab4f8; --hot: #b3471d; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 48px; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main { padding: 8px 16px; }
header { border-bottom: 1px solid var(--edge); overflow-wrap: anywhere; }
h1 { font-size: 15px; font-weight: 600; margin: 0; }
h2 { font-size: 15px; font-weight: 600; margin: 12px 0 4px; overflow-wrap: anywhere; }
h3 { font-size: 13px; font-weight: 600; margin: 0 0 2px; }
p { margin: 0; }
header p, .facts { font-size: 12px; color: var(--muted); overflow-wrap: anywhere; }
p.careful { color: var(--warn); overflow-wrap: anywhere; }
p.careful:empty { display: none; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, .code { font: 12px/18px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  tab-size: 8; }
.bar { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: center;
  gap: 6px 16px; padding: 8px 0; background: var(--ground); border-bottom: 1px solid var(--edge); }
.bar .space { flex: 1; }
input[type=search] { font: inherit; width: 280px; max-width: 100%; padding: 3px 8px;
  border: 1px solid var(--edge); border-radius: 5px; background: var(--panel); color: inherit; }
button { font: inherit; padding: 3px 10px; border: 1px solid var(--edge); border-radius: 5px;
  background: var(--panel); color: inherit; cursor: pointer; }
.choice { display: inline-flex; }
.choice button { border-radius: 0; }
.choice button:first-child { border-radius: 5px 0 0 5px; }
.choice button:last-child { border-radius: 0 5px 5px 0; border-left: 0; }
.choice button[aria-pressed=true] { background: var(--ink); color: var(--ground); }
.legend { font-size: 12px; color: var(--muted); }
.legend i { display: inline-block; width: 60px; height: 9px; margin: 0 5px;
  background: linear-gradient(90deg, transparent, var(--hot)); border: 1px solid var(--edge); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; color: var(--muted); font-size: 12px; white-space: nowrap; }
td { text-align: right; white-space: nowrap; }
th, td { padding: 1px 12px 1px 0; vertical-align: top; }
th:first-child, td:first-child { padding-left: 4px; }
th.name, td.name { text-align: left; width: 100%; white-space: normal; overflow-wrap: anywhere;
  padding-right: 0; }
td.name code { color: var(--muted); white-space: pre-wrap; }
tbody tr { background: linear-gradient(90deg, color-mix(in srgb, var(--hot) 45%, transparent)
  calc(var(--heat, 0) * 100%), transparent 0); }
tbody tr:hover { outline: 1px solid var(--edge); }
.kind { font-size: 11px; color: var(--muted); border: 1px solid var(--edge); border-radius: 4px;
  padding: 0 4px; margin-left: 6px; white-space: nowrap; }
.kind.warn { color: var(--warn); border-color: var(--warn); }
.source { position: relative; padding-right: 22px; }
.block { content-visibility: auto; }
.row { display: grid; grid-template-columns: 60px 62px 62px minmax(0, 1fr); column-gap: 10px;
  min-height: 18px; line-height: 18px; background: color-mix(in srgb, var(--hot)
  calc(var(--heat, 0) * 100%), transparent); }
.row > * { text-align: right; font-variant-numeric: tabular-nums; }
.row > code { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; }
.row .number { color: var(--muted); user-select: none; }
.row.warm { cursor: pointer; }
.row.warm .number { color: var(--link); }
.row.cold .number { opacity: .75; }
.row.target { outline: 2px solid var(--link); outline-offset: -2px; }
.gap { padding: 6px 0; text-align: center; color: var(--muted); border: 1px dashed var(--edge); }
.detail { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 8px 28px;
  margin: 0 0 4px; padding: 8px 12px; background: var(--panel); border: 1px solid var(--edge); }
.detail > .facts { grid-column: 1 / -1; }
.functions { margin: 6px 0; }
.functions summary { cursor: pointer; }
.map { position: fixed; right: 4px; top: 52px; bottom: 8px; width: 14px; z-index: 1; display: none;
  border: 1px solid var(--edge); background: var(--panel); }
.map.shown { display: block; }
.map a { position: absolute; left: 0; right: 0; height: 3px; background: color-mix(in srgb,
  var(--hot) calc(15% + var(--heat, 0) * 85%), transparent); }
`
