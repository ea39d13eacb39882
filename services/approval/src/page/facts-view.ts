import type { ApprovalView } from '../approval-view.js';
import { standingWords } from '../standing-words.js';
import { visibleLines } from '../visible-text.js';
import { scopeList } from './decision-view.js';
import { type Content, type Element, h } from './html.js';
import { indentJson } from './indent-json.js';
import { moment, type PageContext } from './layout.js';
import {
  callerWords,
  channelWords,
  nameOf,
  shown,
  signatureWords,
  stateWords,
  voteWord,
} from './words.js';

/** So much of the arguments is shown; what is beyond is told in a mark at the end. */
const argumentLimits = { maxCodePoints: 60_000, maxLines: 2000 };

/** What should make a signer look twice. */
export function warnings(view: ApprovalView, { now }: PageContext): Content {
  const { drift, risk } = view;
  const standing = standingWords(view);
  return [
    standing !== undefined && h('p', { class: 'warning' }, h('strong', {}, standing)),
    drift !== null &&
      h(
        'p',
        { class: 'warning' },
        h('strong', {}, 'The tool is not what it was. '),
        'Its definition changed after it was last approved ',
        moment(drift.lastApprovedAt, now),
        '.',
      ),
    risk.reasons.length > 0 &&
      h(
        'div',
        { class: 'warning' },
        h('p', {}, h('strong', {}, `Why ${risk.level} risk`)),
        h(
          'ul',
          {},
          risk.reasons.map((reason) => h('li', {}, shown(reason))),
        ),
      ),
  ];
}

/** The arguments, or the scope of a grant that is asked for. Not live: they never change. */
export function callSection(view: ApprovalView): Element | null {
  if (view.kind === 'grant' && view.grant !== null) {
    return h(
      'section',
      { 'aria-labelledby': 'scope-title' },
      h('h2', { id: 'scope-title' }, 'What is asked for'),
      scopeList(view.grant.scope),
    );
  }
  if (view.maskedArguments === '') return null;
  const lines = visibleLines(indentJson(view.maskedArguments), argumentLimits);
  return h(
    'section',
    { 'aria-labelledby': 'arguments-title' },
    h('h2', { id: 'arguments-title' }, 'Arguments'),
    h('pre', { class: 'arguments', tabindex: '0' }, lines.join('\n')),
    h('p', { class: 'hint' }, 'Masked copy; characters that cannot be seen are written as \\u{…}.'),
  );
}

/** Who has signed or refused. */
export function votesSection(view: ApprovalView, { now }: PageContext): Element {
  return h(
    'section',
    { id: 'votes', 'data-live': '', 'aria-labelledby': 'votes-title' },
    h('h2', { id: 'votes-title' }, 'Signatures'),
    view.votes.length === 0
      ? h('p', { class: 'empty' }, 'Nobody has signed yet.')
      : h(
          'ul',
          { class: 'plain-list' },
          view.votes.map((vote) =>
            h(
              'li',
              {},
              h('strong', {}, nameOf(vote.voter)),
              ` ${voteWord(view, vote.decision)} `,
              moment(vote.votedAt, now),
              ` ${channelWords(vote.channel)}`,
              vote.reason !== '' && `: “${shown(vote.reason, 500)}”`,
            ),
          ),
        ),
  );
}

/** What was decided on the same tool before. */
export function similarSection(view: ApprovalView, { now }: PageContext): Element {
  return h(
    'section',
    { id: 'similar', 'data-live': '', 'aria-labelledby': 'similar-title' },
    h('h2', { id: 'similar-title' }, 'Earlier decisions on this tool'),
    view.similar.length === 0
      ? h('p', { class: 'empty' }, 'None: this is the first time it is asked for.')
      : h(
          'ul',
          { class: 'plain-list' },
          view.similar.map((each) =>
            h(
              'li',
              {},
              h(
                'a',
                { href: `/approvals/${encodeURIComponent(each.approvalId)}` },
                stateWords[each.outcome].words,
              ),
              each.decidedBy !== null && ` by ${shown(each.decidedBy, 80)}`,
              each.requester !== null && ` for ${shown(each.requester, 80)}`,
              ' ',
              moment(each.decidedAt, now),
              each.reason !== '' && `: “${shown(each.reason, 300)}”`,
            ),
          ),
        ),
  );
}

/** Everything that pins down what is signed. */
export function factsSection(view: ApprovalView, { now }: PageContext): Element {
  return h(
    'section',
    { id: 'facts', 'data-live': '', 'aria-labelledby': 'facts-title' },
    h('h2', { id: 'facts-title' }, 'Facts'),
    h(
      'dl',
      { class: 'facts' },
      facts(view, now).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
    ),
  );
}

function facts(view: ApprovalView, now: Date): readonly (readonly [string, Content])[] {
  const { requester, rules } = view;
  return [
    ['Requester', nameOf(requester)],
    ['Caller', callerWords(view)],
    ['Requester id', code(requester.objectId)],
    ['Client application', code(view.clientApp)],
    ['Server', [code(view.server), labels(view)]],
    ['Tool', [code(view.resource), ' by ', code(view.method)]],
    [
      'Rules',
      rules.map(({ id, message }) =>
        h('div', {}, code(id), message !== null && ` ${shown(message, 500)}`),
      ),
    ],
    ['Signatures', view.sets.map((set) => h('div', {}, signatureWords(set)))],
    ...(view.state === 'pending' ? [['Expires', moment(view.expiresAt, now)] as const] : []),
    ['Request id', code(view.id)],
    ['Arguments digest', code(view.digest)],
    ['Policy', code(view.bundle)],
    ['Protocol', shown(view.protocol, 40)],
  ];
}

function labels(view: ApprovalView): Content {
  const pairs = Object.entries(view.labels).map(
    ([name, value]) => `${shown(name, 60)}: ${shown(value, 60)}`,
  );
  return pairs.length === 0 ? null : ` (${pairs.join(', ')})`;
}

function code(text: string): Element {
  return h('code', {}, shown(text, 300));
}
