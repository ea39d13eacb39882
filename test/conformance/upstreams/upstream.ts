import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { listeningPort } from '../../../demo/listening-port.js';

/** An MCP server that the conformance suites can be run against. */
export interface Upstream {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves on the loopback interface; port 0 takes a free one. */
export async function serve(port: number, listener: RequestListener): Promise<Upstream> {
  const server = createServer(listener);
  server.listen(port, '127.0.0.1');
  const own = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${own}/mcp`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    },
  };
}
