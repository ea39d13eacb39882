import type { ApprovalView, GrantOffer, GrantScope } from '../approval-view.js';
import { type Content, type Element, h } from './html.js';
import { csrfField, type PageContext } from './layout.js';
import { missingSignatures } from '../wish.js';
import { standingOf } from './standing.js';
import { groupNames, nameOf, shown, signatureWords, spanWords, wish } from './words.js';

/** Longest reason, characters; the desk's own limit. */
export const maxReason = 2000;

/** What the reader can do now, or why there is nothing. Replaced as a whole when that changes, and only then. */
export function decisionSection(view: ApprovalView, context: PageContext): Element {
  const standing = standingOf(view, context.reader);
  const contents = {
    signer: () => signerForms(view, context),
    requester: () => requesterForms(view, context),
    voted: () => h('p', {}, 'You have signed. A signature cannot be changed.'),
    onlooker: () => h('p', {}, 'You are in none of the groups that are asked, so you cannot sign.'),
    closed: () => h('p', {}, 'Nothing is left to decide here.'),
  };
  return h(
    'section',
    {
      id: 'decide',
      class: `decide ${standing}`,
      'data-live': '',
      'aria-labelledby': 'decide-title',
    },
    h('h2', { id: 'decide-title' }, standing === 'signer' ? 'Your decision' : 'Decision'),
    contents[standing](),
  );
}

function signerForms(view: ApprovalView, context: PageContext): Content {
  if (view.kind === 'break-glass') return [because(view), reviewForm(view, context)];
  if (view.isJustificationRequired && view.justification === null) {
    const words = 'You can approve as soon as the requester has given a reason.';
    return [because(view), progress(view), h('p', {}, words), denyForm(view, context)];
  }
  return [
    because(view),
    progress(view),
    approveForm(view, context),
    view.grantOffer !== null && view.kind === 'call' && grantForm(view, view.grantOffer, context),
    denyForm(view, context),
    confirmDialog(view),
  ];
}

/** Why the reader is asked. */
function because({ because: groups }: ApprovalView): Element {
  return h('p', { class: 'hint' }, `You are asked because you are in ${groupNames(groups, ', ')}.`);
}

function progress({ sets }: ApprovalView): Element {
  return h('p', { class: 'hint' }, `${sets.map((set) => signatureWords(set)).join('; ')}.`);
}

function approveWords(view: ApprovalView): string {
  const seconds = view.grant?.seconds ?? null;
  if (view.kind !== 'grant') return 'Approve once';
  return seconds === null ? 'Grant as asked' : `Grant for ${spanWords(seconds)}, as asked`;
}

function approveForm(view: ApprovalView, context: PageContext): Element {
  return decisionForm(
    view,
    context,
    { id: 'approve', decision: 'approve' },
    view.kind === 'grant' && view.grant !== null && scopeList(view.grant.scope),
    h(
      'button',
      { type: 'submit', class: 'approve', id: 'approve-button', 'data-approve': '' },
      approveWords(view),
    ),
    h('p', { class: 'hint' }, consequence(view)),
  );
}

/** What happens on the press. */
function consequence(view: ApprovalView): string {
  const missing = missingSignatures(view);
  if (missing > 1)
    return `Nothing happens yet: ${missing} people have to sign, you are one of them.`;
  return view.kind === 'grant'
    ? 'The access begins at once.'
    : 'The call runs at once, this one time.';
}

function decisionForm(
  view: ApprovalView,
  context: PageContext,
  form: { readonly id: string; readonly decision: 'approve' | 'refuse' },
  ...content: readonly Content[]
): Element {
  return h(
    'form',
    { method: 'post', action: `/approvals/${view.id}/decision`, id: form.id },
    csrfField(context),
    h('input', { type: 'hidden', name: 'decision', value: form.decision }),
    content,
  );
}

const spans = [300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600];

function grantForm(
  view: ApprovalView,
  { maxSeconds, scope }: GrantOffer,
  context: PageContext,
): Element {
  const offered = [...spans.filter((seconds) => seconds < maxSeconds), maxSeconds];
  return h(
    'details',
    {},
    h('summary', {}, 'Approve for a while …'),
    decisionForm(
      view,
      context,
      { id: 'grant', decision: 'approve' },
      h('p', {}, `From now on ${nameOf(view.requester)} may, without asking again:`),
      scopeList(scope),
      h('label', { for: 'grant-seconds' }, 'For'),
      ' ',
      h(
        'select',
        { id: 'grant-seconds', name: 'grantSeconds' },
        offered.map((seconds) => h('option', { value: seconds }, spanWords(seconds))),
      ),
      ' ',
      h('button', { type: 'submit', class: 'approve' }, 'Approve for this time'),
    ),
  );
}

/** The exact scope of a grant. */
export function scopeList(scope: GrantScope): Element {
  const { calls, resources, server, when } = scope;
  return h(
    'ul',
    { class: 'scope' },
    h(
      'li',
      {},
      'use ',
      code(resources.map((each) => shown(each, 1000)).join(', ')),
      ' on ',
      code(shown(server)),
    ),
    h('li', {}, when === null ? 'with any arguments' : ['where ', code(shown(when, 10_000))]),
    h('li', {}, calls === null ? 'any number of times' : `at most ${calls} times`),
  );
}

function code(text: string): Element {
  return h('code', {}, text);
}

function denyForm(view: ApprovalView, context: PageContext): Element {
  return decisionForm(
    view,
    context,
    { id: 'deny', decision: 'refuse' },
    h('label', { for: 'deny-reason' }, 'Reason to deny'),
    h('textarea', {
      id: 'deny-reason',
      name: 'reason',
      rows: 2,
      required: true,
      maxlength: maxReason,
      'data-deny': '',
    }),
    h('button', { type: 'submit', class: 'deny' }, 'Deny'),
  );
}

/** Opened by the key `a` alone: Enter confirms in it, Escape leaves it. */
function confirmDialog(view: ApprovalView): Element {
  return h(
    'dialog',
    { id: 'confirm', 'aria-labelledby': 'confirm-title' },
    h('h2', { id: 'confirm-title' }, `${approveWords(view)}?`),
    h('p', {}, nameOf(view.requester), ' ', wish(view), '.'),
    view.maskedArguments !== '' && h('p', {}, code(shown(view.maskedArguments, 400))),
    h('p', { class: 'hint' }, consequence(view)),
    h(
      'div',
      { class: 'buttons' },
      h(
        'button',
        { type: 'submit', form: 'approve', class: 'approve', autofocus: true },
        approveWords(view),
      ),
      h('form', { method: 'dialog' }, h('button', { type: 'submit', class: 'plain' }, 'Cancel')),
    ),
  );
}

function reviewForm(view: ApprovalView, context: PageContext): Element {
  return h(
    'form',
    { method: 'post', action: `/approvals/${view.id}/review`, id: 'approve' },
    csrfField(context),
    h('label', { for: 'review-note' }, 'What the review found (may be empty)'),
    h('textarea', {
      id: 'review-note',
      name: 'reason',
      rows: 2,
      maxlength: maxReason,
      'data-deny': '',
    }),
    h('button', { type: 'submit', class: 'approve' }, 'Mark as reviewed'),
  );
}

function requesterForms(view: ApprovalView, context: PageContext): Content {
  if (view.kind === 'break-glass')
    return h('p', {}, 'You did this. Somebody else has to review it.');
  return [
    h('p', { class: 'hint' }, 'You asked for this, so somebody else has to sign.'),
    progress(view),
    // Who has signed has read the words of then.
    view.votes.length === 0 && justifyForm(view, context),
    h(
      'form',
      { method: 'post', action: `/approvals/${view.id}/withdrawal`, id: 'withdraw' },
      csrfField(context),
      h('button', { type: 'submit', class: 'deny' }, 'Withdraw the request'),
    ),
  ];
}

function justifyForm(view: ApprovalView, context: PageContext): Element {
  const isNew = view.justification === null;
  return h(
    'form',
    { method: 'post', action: `/approvals/${view.id}/justification`, id: 'justify' },
    csrfField(context),
    h('label', { for: 'justification' }, isNew ? 'Why you need it' : 'Another reason'),
    h('textarea', {
      id: 'justification',
      name: 'justification',
      rows: 2,
      required: true,
      maxlength: maxReason,
    }),
    h('button', { type: 'submit', class: 'plain' }, 'Give this reason'),
  );
}
