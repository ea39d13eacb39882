import type { Forwarding } from '../gate/call.js';
import type { UpstreamRequest } from './upstream.js';

/** A gate that lets everything be seen and asked. */
export const openForwarding: Forwarding = {
  mask: { profile: 'none', entities: {}, fields: {}, binary: 'pass' },
  asksPeople: true,
  lets: async () => true,
  visible: async (_, names) => new Set(names),
};

/** What an upstream tells besides its parts, unheard. */
export const unheard: Pick<UpstreamRequest, 'onReply' | 'onMark' | 'onListed'> = {
  onReply: () => undefined,
  onMark: () => undefined,
  onListed: () => undefined,
};
