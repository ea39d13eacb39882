import { createServer } from 'node:net';
import { listeningPort } from './listening-port.js';

/** A port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  await new Promise((done) => {
    server.close(done);
  });
  return port;
}
