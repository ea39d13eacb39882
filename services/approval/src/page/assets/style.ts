import { detailStyle } from './detail-style.js';

const colours = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #fff; --text: #15181c; --quiet: #535b66; --line: #d5d9df;
  --link: #0a55a3; --focus: #0a55a3;
  --good: #17683a; --bad: #a8231c; --wait: #7a4b00; --past: #535b66;
  --good-soft: #e3f3e9; --bad-soft: #fbe9e7; --wait-soft: #fdf1dc; --past-soft: #eceef1;
  --approve: #17683a; --on-approve: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121519; --card: #1b1f24; --text: #e9ebee; --quiet: #a8b0ba; --line: #3a414a;
    --link: #8fc0ff; --focus: #8fc0ff;
    --good: #86dba6; --bad: #ffaaa2; --wait: #f3c373; --past: #b3bac3;
    --good-soft: #16301f; --bad-soft: #3b1b19; --wait-soft: #352710; --past-soft: #282d33;
    --approve: #7fd6a0; --on-approve: #05200f;
  }
}`;

const base = `
*, ::before, ::after { box-sizing: border-box }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere }
main { max-width: 72rem; margin-inline: auto; padding: 1rem; outline: none }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem }
h2 { font-size: 1.0625rem; margin: 0 0 .5rem }
h3 { font-size: 1rem; font-weight: 400; margin: 0 }
p { margin: 0 0 .5rem }
ul, ol { margin: 0 0 .5rem; padding-inline-start: 1.25rem }
a { color: var(--link) }
code, pre, kbd { font: .9em/1.5 ui-monospace, "Cascadia Mono", Consolas, monospace }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
.skip { position: absolute; inset-inline-start: -100vw; background: var(--card); padding: .5rem 1rem; z-index: 2 }
.skip:focus { inset-inline-start: .5rem; inset-block-start: .5rem }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%) }
.hint, .meta, .empty, .relative { color: var(--quiet) }
.hint, .meta { font-size: .875rem }
.plain-list { list-style: none; padding: 0 }
.plain-list li { padding-block: .25rem }`;

const top = `
.top { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; padding: .5rem 1rem;
  background: var(--card); border-bottom: 1px solid var(--line) }
.brand { color: inherit; text-decoration: none; padding-block: .25rem; margin-inline-end: auto }
.live { margin: 0; font-size: .875rem; color: var(--quiet) }
.live::before { content: ""; display: inline-block; width: .625em; height: .625em; margin-inline-end: .4em;
  border: 2px solid currentColor; border-radius: 50% }
.live[data-state=live]::before { background: var(--good); border-color: var(--good) }
.live[data-state=stale], .live[data-state=ended], .live[data-state=reconnecting] { color: var(--wait) }
.me { position: relative }
.me summary { cursor: pointer; padding: .25rem }
.me form { position: absolute; inset-inline-end: 0; z-index: 1; display: grid; gap: .5rem; width: max-content;
  max-width: 90vw; padding: .75rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }`;

const controls = `
button, .button, input, select, textarea { font: inherit; color: inherit; min-height: 2.5rem }
input, select, textarea { background: var(--page); border: 1px solid var(--quiet); border-radius: .375rem;
  padding: .375rem .625rem; max-width: 100% }
input[type=checkbox] { min-height: 1.5rem; width: 1.5rem; vertical-align: middle }
textarea { display: block; width: 100%; resize: vertical }
label { font-weight: 600 }
button, .button { display: inline-block; padding: .4375rem 1rem; border-radius: .375rem; cursor: pointer;
  border: 1px solid var(--quiet); background: var(--card); text-decoration: none; font-weight: 600 }
button:hover, .button:hover { text-decoration: underline }
.approve { background: var(--approve); border-color: var(--approve); color: var(--on-approve) }
.deny { color: var(--bad); border-color: var(--bad) }
summary { cursor: pointer; min-height: 1.5rem }
dialog { max-width: min(30rem, calc(100vw - 2rem)); padding: 1.25rem; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem }
dialog::backdrop { background: rgb(0 0 0 / .5) }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin-block-start: 1rem }
.keys div { display: grid; grid-template-columns: 4rem 1fr }
.keys dd { margin: 0 }
kbd { border: 1px solid var(--line); border-radius: .25rem; padding: .0625rem .375rem }
.choice { display: block; font-weight: 400; margin-block-end: .75rem }`;

const inbox = `
.filters { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; margin-block-end: 1rem }
.filters nav { display: flex; gap: .25rem }
.filters nav a { padding: .375rem .75rem; border-radius: .375rem; color: inherit; text-decoration: none }
.filters nav a[aria-current] { background: var(--card); border: 1px solid var(--line); font-weight: 600;
  text-decoration: underline; text-underline-offset: .25em }
.filters form { display: flex; align-items: center; gap: .5rem }
.filters input { flex: 1 1 8rem; min-width: 0 }
.rows { list-style: none; padding: 0; display: grid; gap: .5rem; margin-block-end: 1.5rem }
.row { position: relative; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-inline-start: .25rem solid var(--line); border-radius: .5rem }
.row.for-me { border-inline-start-color: var(--wait) }
.row:focus-within, .row:hover { border-color: var(--focus) }
.row a { color: inherit; text-decoration: none }
.row a::after { content: ""; position: absolute; inset: 0; border-radius: .5rem }
.row a:focus-visible { outline: none }
.row a:focus-visible::after { outline: 3px solid var(--focus); outline-offset: 2px }
.row p { margin: .25rem 0 0 }
.row .what code { color: var(--quiet) }
.meta { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem }
.you { color: var(--wait) }
.tag { padding: .0625rem .5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .8125rem }
.tag.good { color: var(--good); background: var(--good-soft) }
.tag.bad, .tag.risk-high { color: var(--bad); background: var(--bad-soft) }
.tag.wait, .tag.risk-medium { color: var(--wait); background: var(--wait-soft) }
.tag.past, .tag.risk-low { color: var(--past); background: var(--past-soft) }`;

const media = `
@media (prefers-reduced-motion: no-preference) { .row { transition: border-color .15s } }
@media (forced-colors: active) {
  .row.for-me { border-inline-start: .5rem double }
  .approve { background: ButtonFace; color: ButtonText; border: 3px solid ButtonText }
  .live[data-state=live]::before { background: CanvasText }
}
@media (max-width: 30rem) { .top, main { padding-inline: .75rem } .filters form { width: 100% }
  .brand span { display: none } }`;

/** The whole style: light and dark, from 360 pixels or 400 per cent zoom on. Colour never speaks alone. */
export const style = [colours, base, top, controls, inbox, detailStyle, media].join('\n');
