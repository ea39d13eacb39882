import type { ApprovalView } from '../approval-view.js';
import { conversationOf } from './service-url.js';

/** Which conversations and people are asked for which groups, by object id. */
export interface PostTargets {
  readonly post: readonly { readonly groups: readonly string[]; readonly conversation: string }[];
  /** Asked for groups that `post` does not name. */
  readonly conversation?: string | undefined;
  readonly people: Readonly<Record<string, readonly string[]>>;
}

/** Conversations that show an approval, each once. */
export function targetConversations(view: ApprovalView, targets: PostTargets): readonly string[] {
  const groups = groupsOf(view);
  const named = targets.post.filter((target) =>
    target.groups.some((each) => groups.includes(each)),
  );
  const isCovered = groups.every((group) => named.some((target) => target.groups.includes(group)));
  const standard = isCovered || targets.conversation === undefined ? [] : [targets.conversation];
  const all = [...named.map((target) => target.conversation), ...standard];
  return [...new Set(all.map(conversationOf))];
}

/** People who get a copy of their own, each once; never the requester, who cannot sign. */
export function targetPeople(view: ApprovalView, targets: PostTargets): readonly string[] {
  const people = groupsOf(view).flatMap((group) =>
    Object.hasOwn(targets.people, group) ? (targets.people[group] ?? []) : [],
  );
  return [...new Set(people)].filter((person) => person !== view.requester.objectId);
}

function groupsOf(view: ApprovalView): readonly string[] {
  return [...new Set(view.sets.flatMap((set) => set.groups.map((group) => group.id)))];
}
