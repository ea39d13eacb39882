/**
 * The base of a Bot Connector's address, with a slash at the end; undefined where the bot's token must not go: a host
 * that is not on the list, no https (but on this machine), a name and password in it.
 */
export function serviceBase(serviceUrl: string, hosts: readonly string[]): string | undefined {
  if (!URL.canParse(serviceUrl)) return undefined;
  const url = new URL(serviceUrl);
  const isBare = [url.username, url.password, url.search, url.hash].every((part) => part === '');
  if (!isBare || !isSafeUrl(url) || !hosts.includes(url.host)) return undefined;
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}

/** True for https, and for http that cannot leave this machine. */
export function isSafeUrl({ hostname, protocol }: URL): boolean {
  const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}

/** A conversation's own id: in a channel, Teams adds the thread (`;messageid=…`) to it. */
export function conversationOf(id: string): string {
  return id.replace(/;messageid=[^;]*$/, '');
}
