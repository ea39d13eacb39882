import type { Server } from 'node:net';

/** Waits until a server listens and gives its port. @throws what the server could not listen for */
export async function listeningPort(server: Server): Promise<number> {
  if (!server.listening) {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve).once('error', reject);
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port was given');
  return address.port;
}
