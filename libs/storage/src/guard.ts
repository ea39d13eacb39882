import { Socket } from 'node:net';
import type { Pool, PoolClient } from 'pg';

/**
 * Makes every client of a pool safe to hold. A lost connection (`57P01`, a failover) is never an
 * unheard `error` event, which would end the process; and a client in use whose database says nothing
 * for `silentMs` loses its socket, so that a frozen database is an error and not a hang.
 */
export function guardPool(pool: Pool, silentMs: number): void {
  const heard = new WeakSet<PoolClient>();
  pool.on('error', () => undefined);
  pool.on('acquire', (client) => {
    if (!heard.has(client)) {
      heard.add(client);
      client.on('error', () => undefined);
      const socket = socketOf(client);
      socket?.on('timeout', () => socket.destroy(new Error('the database said nothing in time')));
    }
    socketOf(client)?.setTimeout(silentMs);
  });
  pool.on('release', (_error, client) => {
    socketOf(client)?.setTimeout(0);
  });
}

/** pg does not declare the connection under a client. */
function socketOf(client: PoolClient): Socket | undefined {
  if (!('connection' in client)) return undefined;
  const { connection } = client;
  if (typeof connection !== 'object' || connection === null) return undefined;
  return 'stream' in connection && connection.stream instanceof Socket
    ? connection.stream
    : undefined;
}
