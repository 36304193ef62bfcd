/** Width of the picture without scripts, px. */
export const WIDTH = 1200
/** Height of a row of boxes, px; one of them is left free. */
export const ROW = 18
/** Space around the graph, px. */
export const PAD = 12
/** Height of a line above the graph in the picture, px. */
export const HEAD_LINE = 18
/** Boxes narrower than this are not drawn, px. */
export const MIN_WIDTH = 0.1
/** Advance of one character of the labels, px: 0.602 em, the widest of the fonts named below. */
export const CHARACTER = 7.23

/** What lies behind everything, light and dark. */
export const GROUND = ['#ffffff', '#17181b'] as const

/** Everything but the fills of the boxes. Colours have one set for light, one for dark. */
export const STYLE: string = `
svg {
  color-scheme: light dark;
  --ground: ${GROUND[0]}; --ink: #1c1e21; --muted: #5b616b; --edge: #c9ced6; --panel: #ffffff;
  --focus: #0b57d0; --match: #b4007c;
  background: var(--ground);
}
.ground { fill: ${GROUND[0]}; }
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.title { font-size: 16px; font-weight: 600; fill: #1c1e21; }
.line { fill: #5b616b; }
.end { text-anchor: end; }
.label { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #1c1e21; white-space: pre; }
@media (prefers-color-scheme: dark) {
  svg {
    --ground: ${GROUND[1]}; --ink: #eceef1; --muted: #a3a9b3; --edge: #4a4f58; --panel: #24262b;
    --focus: #8ab4f8; --match: #ff63c3;
  }
  .ground { fill: ${GROUND[1]}; }
  .title, .label { fill: #eceef1; }
  .line { fill: #a3a9b3; }
}
.head { font: 13px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color: var(--ink); padding: 12px 12px 8px; overflow-wrap: anywhere; }
.head h1 { font-size: 16px; font-weight: 600; margin: 0 0 2px; }
.head p { margin: 0; font-size: 12px; color: var(--muted); }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; margin: 8px 0 6px; }
.bar input { font: inherit; width: 260px; max-width: 100%; box-sizing: border-box; padding: 4px 8px;
  border: 1px solid var(--edge); border-radius: 5px; background: var(--panel); color: inherit; }
.bar button { font: inherit; padding: 4px 10px; border: 1px solid var(--edge); border-radius: 5px;
  background: var(--panel); color: inherit; cursor: pointer; }
.bar select { font: inherit; }
.bar input:focus-visible, .bar button:focus-visible, .bar select:focus-visible { outline: 2px solid var(--focus);
  outline-offset: 1px; }
.notes { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 24px;
  font-size: 12px; color: var(--muted); }
.found { font-weight: 600; }
.found:empty, [hidden] { display: none !important; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin-left: auto; font-size: 12px;
  color: var(--muted); }
.legend i { display: inline-block; width: 9px; height: 9px; }
.legend b { font-weight: 400; margin-left: 5px; }
.box { cursor: pointer; outline: none; }
.box:hover rect { filter: brightness(0.92); }
tspan { opacity: 0.66; }
.box:focus-visible rect { stroke: var(--focus); stroke-width: 2px; }
.above { opacity: 0.62; }
.searching .box:not(.match) rect { opacity: 0.45; }
.searching .match rect { fill: var(--match); }
.searching .match text { fill: #ffffff; }
.tip { font: 12px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  width: max-content; padding: 7px 10px; border: 1px solid var(--edge); border-radius: 6px;
  background: var(--panel); color: var(--ink); box-shadow: 0 3px 14px rgb(0 0 0 / 0.25);
  overflow-wrap: anywhere; }
.tip b { display: block; }
.tip .at { color: var(--muted); }
.tip table { border-spacing: 0; margin-top: 3px; font-variant-numeric: tabular-nums; }
.tip td { padding: 0 14px 0 0; text-align: right; }
.tip td:first-child { text-align: left; color: var(--muted); }
.float { pointer-events: none; overflow: visible; }
@media (prefers-color-scheme: dark) {
  .searching .match text { fill: #17181b; }
  .box:hover rect { filter: brightness(1.2); }
}
`
