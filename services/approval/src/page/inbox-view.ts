import type { ApprovalView } from '../approval-view.js';
import { type Content, type Element, h } from './html.js';
import { layout, moment, type PageContext } from './layout.js';
import { isSame, standingOf } from './standing.js';
import { isOpen } from '../wish.js';
import { nameOf, shown, stateWords, wish } from './words.js';

/** What of the approvals is shown; part of the address. */
export type InboxShow = 'all' | 'open' | 'decided';

/** The inbox as asked for. */
export interface Inbox {
  readonly show: InboxShow;
  readonly server: string | undefined;
  readonly open: readonly ApprovalView[];
  readonly decided: readonly ApprovalView[];
  /** Of the decided; null on the last page. */
  readonly next: string | null;
  /** There are more open ones than are shown. */
  readonly hasMoreOpen: boolean;
}

/** The list of what waits and what was decided. */
export function inboxPage(inbox: Inbox, context: PageContext): Element {
  const mine = inbox.open.filter((each) => standingOf(each, context.reader) === 'signer').length;
  const count = `${mine}${inbox.hasMoreOpen ? '+' : ''}`;
  return layout(
    {
      title: mine === 0 ? 'Approvals · Countersign' : `(${count}) Approvals · Countersign`,
      content: [
        h('h1', {}, 'Approvals'),
        filters(inbox),
        inbox.show !== 'decided' && openSection(inbox, mine, context),
        inbox.show !== 'open' && decidedSection(inbox, context),
      ],
    },
    context,
  );
}

const tabs: readonly (readonly [InboxShow, string])[] = [
  ['all', 'All'],
  ['open', 'Waiting'],
  ['decided', 'Decided'],
];

function filters({ server, show }: Inbox): Element {
  return h(
    'div',
    { class: 'filters' },
    h(
      'nav',
      { 'aria-label': 'Which approvals' },
      tabs.map(([tab, words]) =>
        h(
          'a',
          {
            href: inboxAddress({ show: tab, server }),
            'aria-current': tab === show ? 'page' : undefined,
          },
          words,
        ),
      ),
    ),
    h(
      'form',
      { method: 'get', action: '/approvals', role: 'search' },
      h('input', { type: 'hidden', name: 'show', value: show }),
      h('label', { for: 'server' }, 'Server'),
      h('input', {
        id: 'server',
        name: 'server',
        type: 'search',
        value: server ?? '',
        maxlength: 200,
        autocomplete: 'off',
      }),
      h('button', { type: 'submit', class: 'plain' }, 'Filter'),
    ),
  );
}

/** The inbox's address for filters and, of the decided, the page. */
function inboxAddress(query: {
  readonly show: InboxShow;
  readonly server?: string | undefined;
  readonly cursor?: string | undefined;
}): string {
  const { cursor = '', server = '', show } = query;
  const given = { show: show === 'all' ? '' : show, server, cursor };
  const parameters = new URLSearchParams(given);
  for (const [name, value] of Object.entries(given)) if (value === '') parameters.delete(name);
  return parameters.size === 0 ? '/approvals' : `/approvals?${parameters.toString()}`;
}

function openSection(inbox: Inbox, mine: number, context: PageContext): Element {
  const { hasMoreOpen, open } = inbox;
  return h(
    'section',
    { id: 'open', 'data-live': '', 'aria-labelledby': 'open-title' },
    h('h2', { id: 'open-title' }, mine === 0 ? 'Waiting' : `Waiting, ${mine} for you`),
    open.length === 0
      ? h('p', { class: 'empty' }, emptyWords(inbox.server))
      : rows(byUrgency(open, context), context),
    hasMoreOpen &&
      h('p', { class: 'hint' }, 'More are waiting. They appear here as these are decided.'),
  );
}

/** What waits for the reader comes first, and of that what ends soonest. */
function byUrgency(
  views: readonly ApprovalView[],
  { reader }: PageContext,
): readonly ApprovalView[] {
  const rank = (view: ApprovalView): number => (standingOf(view, reader) === 'signer' ? 0 : 1);
  return views.toSorted(
    (a, b) => rank(a) - rank(b) || a.expiresAt.getTime() - b.expiresAt.getTime(),
  );
}

function emptyWords(server: string | undefined): string {
  return server === undefined
    ? 'Nothing waits. When a call needs your signature it appears here by itself; you can leave this page open.'
    : `Nothing waits on a server named ${shown(server, 80)}. Clear the filter to see all servers.`;
}

function decidedSection(inbox: Inbox, context: PageContext): Element {
  const { decided, next, server, show } = inbox;
  return h(
    'section',
    { id: 'decided', 'data-live': '', 'aria-labelledby': 'decided-title' },
    h('h2', { id: 'decided-title' }, 'Decided'),
    decided.length === 0
      ? h('p', { class: 'empty' }, 'Nothing was decided yet.')
      : rows(decided, context),
    next !== null &&
      h(
        'p',
        {},
        h(
          'a',
          { href: inboxAddress({ show: show === 'all' ? 'decided' : show, server, cursor: next }) },
          'Older',
        ),
      ),
  );
}

function rows(views: readonly ApprovalView[], context: PageContext): Element {
  return h(
    'ol',
    { class: 'rows' },
    views.map((view) => row(view, context)),
  );
}

function row(view: ApprovalView, context: PageContext): Element {
  const standing = standingOf(view, context.reader);
  return h(
    'li',
    { class: standing === 'signer' ? 'row for-me' : 'row', 'data-key': view.id },
    h(
      'h3',
      {},
      h(
        'a',
        { href: `/approvals/${view.id}` },
        h('strong', {}, nameOf(view.requester)),
        ' ',
        wish(view),
      ),
    ),
    argumentLine(view),
    h('p', { class: 'why' }, whyWords(view)),
    h(
      'p',
      { class: 'meta' },
      // "Waits for you" says it already.
      (view.state !== 'pending' || standing !== 'signer') && stateTag(view),
      riskTag(view),
      standingWords[standing],
      ending(view, context),
    ),
  );
}

const standingWords: Readonly<Record<ReturnType<typeof standingOf>, Content>> = {
  signer: h('strong', { class: 'you' }, 'Waits for you'),
  requester: h('span', {}, 'You asked for this'),
  voted: h('span', {}, 'You have signed'),
  onlooker: null,
  closed: null,
};

/** The requester's reason in one line. */
function whyWords({ justification }: ApprovalView): string {
  return justification === null ? 'No reason given' : `“${shown(justification, 200)}”`;
}

/** What tells one call of a tool from another. */
function argumentLine({ maskedArguments }: ApprovalView): Content {
  if (maskedArguments === '' || maskedArguments === '{}') return null;
  return h('p', { class: 'what' }, h('code', {}, shown(maskedArguments, 160)));
}

function ending(view: ApprovalView, { now, reader }: PageContext): Content {
  const required = view.sets.filter(({ isEscalation }) => !isEscalation);
  const signed = required.map((set) => `${set.signed} of ${set.quorum}`).join(', ');
  if (isOpen(view)) {
    return [
      h('span', {}, `${signed} ${view.kind === 'break-glass' ? 'reviewed' : 'signed'}`),
      h('span', {}, view.kind === 'break-glass' ? 'ran ' : 'expires ', moment(endOf(view), now)),
    ];
  }
  const by = (view.decision?.by ?? []).map((each) => (isSame(each, reader) ? 'you' : nameOf(each)));
  return h(
    'span',
    {},
    by.length > 0 && `by ${by.join(', ')} `,
    moment(view.decision?.at ?? view.expiresAt, now),
  );
}

function endOf(view: ApprovalView): Date {
  return view.kind === 'break-glass' ? view.requestedAt : view.expiresAt;
}

/** The state, in words and colour. */
export function stateTag({ state }: ApprovalView): Element {
  const { tone, words } = stateWords[state];
  return h('span', { class: `tag ${tone}` }, words);
}

/** The risk, in words and colour. */
export function riskTag({ risk }: ApprovalView): Element {
  return h('span', { class: `tag risk-${risk.level}` }, `${risk.level} risk`);
}
