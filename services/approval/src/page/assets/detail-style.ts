/** The style of one approval's page. On a wide screen the decision stays in sight beside what is read. */
export const detailStyle = `
.words { max-width: 36rem; margin-inline: auto; padding-block: 2rem }
.detail { display: grid; gap: 1rem; align-items: start }
.detail section, .said { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem }
.detail section > :last-child { margin-block-end: 0 }
.said > section { border: 0; padding: 0; margin-block-start: 1rem }
.said .who, .said h1 code, .row h3 code { font-weight: 700 }
.said h1 { font-weight: 500 }
.more { display: grid; gap: 1rem }
.outcome:not(:empty) { border-inline-start: .25rem solid var(--line); padding: .5rem .75rem; margin-block: .75rem }
.outcome p:last-child { margin: 0 }
.outcome.good { border-color: var(--good); background: var(--good-soft) }
.outcome.bad { border-color: var(--bad); background: var(--bad-soft) }
.outcome.wait { border-color: var(--wait); background: var(--wait-soft) }
.outcome.past { border-color: var(--past); background: var(--past-soft) }
.outcome .relative, .warning .relative { color: inherit }
.warning { border-inline-start: .25rem solid var(--wait); background: var(--wait-soft); padding: .5rem .75rem;
  margin-block: .75rem }
.warning > :last-child { margin-block-end: 0 }
.arguments { margin: 0 0 .5rem; padding: .75rem; max-height: 32rem; overflow: auto; white-space: pre-wrap;
  background: var(--page); border: 1px solid var(--line); border-radius: .5rem; direction: ltr; unicode-bidi: isolate }
.decide form { margin-block: .75rem }
.decide form button { margin-block-start: .5rem }
.decide form .hint { margin-block: .375rem 0 }
.decide .approve { width: 100% }
.decide details { margin-block: .75rem }
.decide details .approve, .decide dialog .approve { width: auto }
.decide dialog form, .decide dialog button { margin: 0 }
.decide dialog code { overflow-wrap: anywhere }
.scope code { font-weight: 600 }
.facts { margin: 0; display: grid; gap: .5rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)) }
.facts dt { color: var(--quiet); font-size: .875rem }
.facts dd { margin: 0 }
@media (min-width: 60rem) {
  .detail { grid-template-columns: minmax(0, 1fr) 22rem }
  .decide { position: sticky; inset-block-start: 1rem; grid-row: span 2 }
}
`;
