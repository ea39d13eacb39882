import { bench } from './bench.js';

/** The programs that a bench runs beside the product, each in a process of its own. */
const roles: Readonly<Record<string, () => Promise<unknown>>> = {
  client: async () => import('./load-client.js'),
  upstream: async () => import('./upstream.js'),
  floor: async () => import('./floor.js'),
  'sdk-relay': async () => import('./sdk-relay.js'),
};

const [, , first, ...rest] = process.argv;
const role = first === 'role' ? roles[rest[0] ?? ''] : undefined;
if (role === undefined) await bench(process.argv.slice(2));
else await role();
