import type { Actor } from '#contracts';
import { visibleLine } from '../visible-text.js';
import { type Content, h } from './html.js';
import type { ApprovalState, ApprovalView, NamedGroup, SignatureSet } from '../approval-view.js';
import { wishWords } from '../wish.js';

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Longest name or word that is shown whole, code points. */
const lineLength = 200;

/** Hostile text on one line. */
export function shown(text: string, maxCodePoints = lineLength): string {
  return visibleLine(text, maxCodePoints);
}

/** A person or program by name, or by id where it has no name. */
export function nameOf({ displayName, objectId }: Actor): string {
  const name = displayName?.trim() ?? '';
  return name === '' ? objectId : shown(name, 80);
}

/** `28 Nov 2026, 14:03:20 UTC`. */
export function absoluteTime(date: Date): string {
  const [day = '', time = ''] = date.toISOString().split('T');
  const [year, month = '1', dayOfMonth] = day.split('-');
  return `${Number(dayOfMonth)} ${months[Number(month) - 1]} ${year}, ${time.slice(0, 8)} UTC`;
}

/** `in 4 min`, `now`, `2 h ago`; the page's script counts on in the same words. */
export function relativeTime(date: Date, now: Date): string {
  const seconds = Math.round((date.getTime() - now.getTime()) / 1000);
  if (seconds === 0) return 'now';
  const words = spanWords(Math.abs(seconds));
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `4 d`. */
export function spanWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** Groups by name, or by id where the configuration gives none. */
export function groupNames(groups: readonly NamedGroup[], between: string): string {
  return groups.map(({ id, name }) => (name === null ? id : shown(name, 80))).join(between);
}

/** `1 of 2 signed for owners`. */
export function signatureWords({ groups, isEscalation, quorum, signed }: SignatureSet): string {
  const names = groupNames(groups, ' or ');
  // They sign in anybody's place: no signature more is needed.
  if (isEscalation) return `${names} asked too, since nobody had signed`;
  return `${signed} of ${quorum} signed for ${names}`;
}

/**
 * What is asked, as a sentence without its subject: `asks to call refund_order on orders`. The names stand in
 * `code`, so that no name can be read as a part of the sentence.
 */
export function wish(view: ApprovalView): Content {
  const [resource, server] = [shown(view.resource, 120), shown(view.server, 80)];
  return [shown(wishWords(view), 100), ' ', h('code', {}, resource), ' on ', h('code', {}, server)];
}

/** Who or what made the call, as far as the token and the client tell. */
export function callerWords({ client, requesterKind }: ApprovalView): string {
  const kinds = { person: 'A person', workload: 'A program', agent: 'An AI agent' } as const;
  const kind = kinds[requesterKind];
  if (client === null) return `${kind}, with a client that does not name itself`;
  return `${kind}, with a client that calls itself ${shown(client.name, 60)} ${shown(client.version, 30)}`;
}

/** What somebody did with their vote. */
export function voteWord({ kind }: ApprovalView, decision: 'approve' | 'refuse'): string {
  if (kind === 'break-glass') return 'reviewed';
  return decision === 'approve' ? 'approved' : 'denied';
}

/** Where a signature was given. */
export function channelWords(channel: string): string {
  const words: Readonly<Record<string, string>> = {
    page: 'on the approval page',
    teams: 'in Teams',
    rest: 'over REST',
  };
  return Object.hasOwn(words, channel) ? (words[channel] ?? '') : `by ${shown(channel, 20)}`;
}

/** A state in words, with the tone that the style gives it. */
export const stateWords: Readonly<
  Record<ApprovalState, { readonly words: string; readonly tone: 'wait' | 'good' | 'bad' | 'past' }>
> = {
  pending: { words: 'Waiting', tone: 'wait' },
  approved: { words: 'Approved', tone: 'good' },
  leased: { words: 'Approved, about to run', tone: 'good' },
  used: { words: 'Approved and run', tone: 'good' },
  granted: { words: 'Granted', tone: 'good' },
  refused: { words: 'Denied', tone: 'bad' },
  expired: { words: 'Expired, not approved', tone: 'past' },
  withdrawn: { words: 'Withdrawn', tone: 'past' },
  unreviewed: { words: 'Ran without approval, to be reviewed', tone: 'wait' },
  reviewed: { words: 'Ran without approval, reviewed', tone: 'past' },
};
