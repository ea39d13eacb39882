import type { DefinitionKind } from '#contracts';
import type { AskedCall, Pinning } from '../gate/call.js';

const kinds: ReadonlyMap<string, DefinitionKind> = new Map([
  ['tools/call', 'tool'],
  ['prompts/get', 'prompt'],
]);

/** What an operation uses that its server has described before; undefined where it uses nothing of that kind. */
export function kindUsedBy(method: string): DefinitionKind | undefined {
  return kinds.get(method);
}

/** What is to be done with the definition that an operation uses, and with those that its answer brings. */
export function pinsOf(method: string, pinning: Pinning): Pick<AskedCall, 'pin' | 'pinning'> {
  const kind = kindUsedBy(method);
  return kind === undefined ? { pinning } : { pinning, pin: { kind, ...pinning } };
}
