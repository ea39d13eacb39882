import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { HttpServerConfig } from '#runtime';

/** Which addresses a host may have. */
export type Network = HttpServerConfig['network'];

/** What an address is for; nothing but the first three is ever called. */
export type AddressKind =
  | 'loopback'
  | 'private'
  | 'public'
  | 'link-local'
  | 'metadata'
  | 'unspecified'
  | 'multicast'
  | 'broadcast'
  | 'reserved'
  | 'unreadable';

/** A host has an address that its network does not allow. Nothing was sent. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

const allowed: Readonly<Record<Network, ReadonlySet<AddressKind>>> = {
  any: new Set(['loopback', 'private', 'public']),
  private: new Set(['loopback', 'private']),
  public: new Set(['public']),
};

/** Judges every address that a host has: one that is not allowed refuses the host, whatever the others are. */
export function faultOf(
  host: string,
  addresses: readonly string[],
  network: Network,
): AddressRefused | undefined {
  for (const address of addresses) {
    const refused = kindsOf(address).find((kind) => !allowed[network].has(kind));
    if (refused === undefined) continue;
    const shown = host === address ? host : `${host} has the address ${address}, which`;
    return new AddressRefused(`${shown} is ${refused} and not allowed by "network: ${network}"`);
  }
  return undefined;
}

/**
 * What an address is for: of one that carries an IPv4 address to be translated or tunnelled to, also what
 * that one is for.
 */
export function kindsOf(text: string): readonly AddressKind[] {
  if (isIP(text) === 0) return ['unreadable'];
  // IPv4-compatible, assigned no more; the parser would read it as IPv4-mapped.
  if (/^::\d+\./.test(text)) return ['reserved'];
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv6 ? kindsOfIPv6(address) : [kindOfIPv4(address)];
}

/**
 * Where clouds tell a machine its secrets, outside of the link-local ranges. The first serves Azure, the second
 * Alibaba.
 */
const metadataIPv4 = new Set(['168.63.129.16', '100.100.100.200']);
/** AWS, Google, Oracle, Scaleway. */
const metadataIPv6 = ['fd00:ec2::/32', 'fd20:ce::/32', 'fd00:c1::/32', 'fd00:42::42/128'].map(
  (range) => ipaddr.IPv6.parseCIDR(range),
);

/** What is in no range is nobody's special case: global unicast. Ranges that are not listed are reserved. */
const kindsOfRanges: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  private: 'private',
  carrierGradeNat: 'private',
  uniqueLocal: 'private',
  loopback: 'loopback',
  linkLocal: 'link-local',
  unspecified: 'unspecified',
  multicast: 'multicast',
  broadcast: 'broadcast',
};

function kindOfIPv4(address: ipaddr.IPv4): AddressKind {
  if (metadataIPv4.has(address.toString())) return 'metadata';
  return kindsOfRanges[address.range()] ?? 'reserved';
}

function kindsOfIPv6(address: ipaddr.IPv6): readonly AddressKind[] {
  if (address.zoneId !== undefined) return ['link-local'];
  const bytes = address.toByteArray();
  const embedded = (at: number): AddressKind =>
    kindOfIPv4(new ipaddr.IPv4(bytes.slice(at, at + 4)));
  switch (address.range()) {
    case 'ipv4Mapped':
    case 'rfc6145':
      return [embedded(12)];
    case 'rfc6052':
      // Below 64:ff9b:1::/48 an operator chooses where the IPv4 address stands (RFC 8215).
      return bytes[5] === 0 ? [embedded(12)] : ['reserved'];
    case '6to4':
      return ['public', embedded(2)];
    case 'teredo':
      return ['public', embedded(4), kindOfIPv4(new ipaddr.IPv4(inverted(bytes.slice(12))))];
    default:
      return isIsatap(bytes) ? [plainKindOf(address), embedded(12)] : [plainKindOf(address)];
  }
}

function plainKindOf(address: ipaddr.IPv6): AddressKind {
  if (metadataIPv6.some((range) => address.match(range))) return 'metadata';
  const range = address.range();
  // Global unicast is 2000::/3 alone; the rest is not assigned.
  if (range === 'unicast' && (address.toByteArray()[0] ?? 0) >> 5 !== 1) return 'reserved';
  return kindsOfRanges[range] ?? 'reserved';
}

/** An interface identifier that carries an IPv4 address, after 0000:5efe or 0200:5efe (RFC 5214 §6.1). */
function isIsatap(bytes: readonly number[]): boolean {
  const [universal = 0, ...rest] = bytes.slice(8, 12);
  return (universal & ~2) === 0 && rest.join() === '0,94,254';
}

function inverted(bytes: readonly number[]): number[] {
  return bytes.map((byte) => byte ^ 0xff);
}
