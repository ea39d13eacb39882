import { claudeDesktop, cursor } from './bridged.js';
import { claudeCode } from './claude-code.js';
import { type ClientConfig, isExposed, type Wish } from './client.js';
import { inspector } from './inspector.js';
import { sdk } from './sdk.js';
import { vscode } from './vscode.js';

const clients = {
  vscode,
  'claude-code': claudeCode,
  'claude-desktop': claudeDesktop,
  cursor,
  inspector,
  sdk,
};
export type ClientName = keyof typeof clients;

/** The clients whose configuration can be printed. */
export const clientNames = Object.keys(clients);

/** The configuration of a client. @throws AccessMissing */
export function clientConfig(client: ClientName, wish: Wish): ClientConfig {
  const config = clients[client](wish);
  if (!isExposed(wish.origin)) return config;
  const warning = 'This is plain http: whoever is on the way can take the token.';
  return { ...config, notes: [warning, ...config.notes] };
}
