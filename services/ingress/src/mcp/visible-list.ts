import type { Json } from '#masking';
import type { Forwarding } from '../gate/call.js';
import { catalogOf, isOfferedLater } from './catalog.js';
import type { JsonObject } from './message.js';
import { upstreamRefusal, type UpstreamRequest } from './upstream.js';

/** A list answer, filtered to what the caller may use. */
export async function visibleOnly(
  request: UpstreamRequest,
  answer: JsonObject,
  forwarding: Forwarding,
): Promise<Json> {
  const { message, resumes } = request;
  const method = message?.kind === 'request' ? message.method : resumes?.origin?.call.method;
  if (method === undefined) return answer;
  if (isOfferedLater(method, answer)) {
    const words = 'The server made a task of a list, which could not be filtered.';
    throw upstreamRefusal('UPSTREAM_UNREADABLE', words, 'yes');
  }
  const catalog = catalogOf(method, answer);
  if (catalog === undefined) return answer;
  request.onListed(catalog);
  const { described, names, usedWith } = catalog;
  return catalog.keep(await forwarding.visible(usedWith, names, described));
}
