import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { AddressRefused, faultOf, type Network } from './upstream-addresses.js';

/** No connection came about: nothing was sent. The message names the address and the fault. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code = 'CONNECT_FAILED';
}

/** Finds all addresses of a host, as `lookup` of node:dns does. */
export type Resolve = (
  host: string,
  options: { readonly all: true },
  callback: (error: Error | null, found: LookupAddress[]) => void,
) => void;

/** How connections to a host are made. */
export interface ConnectorSettings {
  readonly network: Network;
  /** For connecting, TLS included, in milliseconds. */
  readonly timeoutMs: number;
  /** PEM of the certificate authorities to trust, asked for each connection; undefined for the public ones. */
  readonly authorities: () => string | undefined;
  readonly resolve?: Resolve | undefined;
}

/**
 * Connects to addresses of `network` alone: a host is resolved once, all that it has is judged, and what was
 * judged is what is dialled. Fails with AddressRefused, CredentialError or ConnectError.
 */
export function guardedConnector(settings: ConnectorSettings): buildConnector.connector {
  const { authorities, network, resolve = lookup, timeoutMs: timeout } = settings;
  const judged = guardedLookup(network, resolve);
  let made: { readonly ca: string | undefined; connect: buildConnector.connector } | undefined;
  return (options, callback) => {
    const { hostname } = options;
    // An address that stands in the URL is dialled without a look-up.
    const fault = isIP(hostname) === 0 ? undefined : faultOf(hostname, [hostname], network);
    if (fault !== undefined) throw fault;
    const ca = authorities();
    if (made === undefined || made.ca !== ca) {
      const trust = ca === undefined ? {} : { ca };
      made = { ca, connect: buildConnector({ timeout, lookup: judged, ...trust }) };
    }
    // undici ends an attempt that nobody waits for by the socket that is given back.
    return made.connect(options, (...[error, socket]) => {
      if (error === null) callback(null, socket);
      else callback(asConnectError(error, hostname), null);
    });
  };
}

function guardedLookup(network: Network, resolve: Resolve): LookupFunction {
  return (host, { all }, callback) => {
    resolve(host, { all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = found.map(({ address }) => address);
      const [first] = found;
      const fault = faultOf(host, addresses, network);
      if (fault !== undefined) callback(fault, []);
      else if (first === undefined) callback(new Error(`${host} has no address`), []);
      else if (all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

function asConnectError(cause: Error, host: string): Error {
  if (cause instanceof AddressRefused) return cause;
  const code = 'code' in cause ? `${String(cause.code)}: ` : '';
  const message = cause.message === '' ? host : cause.message;
  return new ConnectError(`${code}${message}`, { cause });
}
