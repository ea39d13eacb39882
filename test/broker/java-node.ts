import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { javaProgram } from './java-programs.js';

const here = dirname(import.meta.filename);
const startLimitMs = 60_000;
const stopLimitMs = 15_000;

/** C1 and the serial collector start fastest, stay smallest, and are as fast as the rest in our tests. */
export const jvmFlags: readonly string[] = [
  '-Xms128m',
  '-Xmx512m',
  '-XX:MaxDirectMemorySize=128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xlog:disable',
  '-Xlog:all=error:stderr',
  '-Djava.awt.headless=true',
  `-Dlog4j2.configurationFile=file:${join(here, 'log4j2.xml')}`,
];

/** What every broker of a version starts from. */
export interface JavaKit {
  readonly classPath: string;
  /** A formatted data folder of node 1. */
  readonly template: string;
  /** The classes that a broker loads, ready for use: halves the time of a start. */
  readonly classArchive: string;
}

/** The ports of one node. */
export interface NodePorts {
  readonly port: number;
  readonly controllerPort: number;
}

/** A node's place in its cluster. */
export interface NodeSettings {
  /** Counts from 1. */
  readonly node: number;
  /** Of all nodes. */
  readonly ports: readonly NodePorts[];
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

/**
 * The broker runs under a shell that ends it when the pipe from this process closes, which the system
 * does however this process ends, and removes the data then. The first argument is the node's folder.
 */
const supervisor = `
folder=$1; shift
exec 3<&0
"$@" < /dev/null 3<&- &
broker=$!
echo $broker > "$folder/pid"
(cat <&3; kill -9 $broker; sleep 0.2; rm -rf "$folder"; rmdir "$folder/..") > /dev/null 2>&1 &
guard=$!
exec 3<&-
wait $broker
kill $guard 2> /dev/null
`;

/** One broker process on its own data folder. */
export class JavaNode {
  #shell: ChildProcess | undefined;
  #pid = 0;

  constructor(
    private readonly kit: JavaKit,
    private readonly folder: string,
    private readonly settings: NodeSettings,
  ) {}

  /** Lays out the data folder. */
  async prepare(): Promise<void> {
    const data = join(this.folder, 'data');
    await mkdir(this.folder, { recursive: true });
    await cp(this.kit.template, data, { recursive: true });
    await writeFile(
      this.#file('server.properties'),
      await propertiesOf({ ...this.settings, data }),
    );
    const metaFile = join(data, 'meta.properties');
    const meta = await readFile(metaFile, 'utf8');
    await writeFile(
      metaFile,
      meta
        .replace(/^node\.id=.*$/m, `node.id=${this.settings.node}`)
        .replace(/^directory\.id=.*$/m, `directory.id=${randomBytes(16).toString('base64url')}`),
    );
  }

  /** Resolves when the broker says that it is up. */
  async start(moreFlags?: readonly string[]): Promise<void> {
    if (this.#shell !== undefined) return;
    await portsAreFree(this.settings);
    const archive = existsSync(this.kit.classArchive)
      ? [`-XX:SharedArchiveFile=${this.kit.classArchive}`]
      : [];
    const flags = [...jvmFlags, ...(moreFlags ?? archive), '-cp', this.kit.classPath];
    const command = [javaProgram(), ...flags, 'kafka.Kafka', this.#file('server.properties')];
    await rm(this.#file('pid'), { force: true });
    const log = await open(this.#file('log'), 'w');
    const shell = spawn('sh', ['-c', supervisor, 'sh', this.folder, ...command], {
      stdio: ['pipe', log.fd, log.fd],
    });
    await log.close();
    this.#shell = shell;
    shell.unref();
    if (shell.stdin instanceof Socket) shell.stdin.unref();
    await this.#isUp(shell);
  }

  signal(name: NodeJS.Signals): void {
    if (this.#shell !== undefined && this.#pid > 0) process.kill(this.#pid, name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#hasEnded();
  }

  /** Ends it in good order; after 15 s at once. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const patience = setTimeout(() => this.signal('SIGKILL'), stopLimitMs);
    await this.#hasEnded();
    clearTimeout(patience);
  }

  async clean(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #isUp(shell: ChildProcess): Promise<void> {
    for (const limit = Date.now() + startLimitMs; Date.now() < limit; await pause(20)) {
      this.#pid ||= Number(await readFile(this.#file('pid'), 'utf8').catch(() => '0'));
      const log = await readFile(this.#file('log'), 'utf8');
      if (this.#pid > 0 && log.includes('Kafka Server started')) return;
      if (shell.exitCode !== null) break;
    }
    await this.kill();
    const log = await readFile(this.#file('log'), 'utf8');
    throw new Error(`Node ${this.settings.node} did not start:\n${log.slice(-3000)}`);
  }

  async #hasEnded(): Promise<void> {
    const shell = this.#shell;
    if (shell === undefined) return;
    if (shell.exitCode === null && shell.signalCode === null) {
      shell.ref();
      await once(shell, 'exit');
    }
    shell.stdin?.destroy();
    this.#shell = undefined;
    this.#pid = 0;
  }

  #file(name: string): string {
    return join(this.folder, name);
  }
}

/** The properties of a node, over those that all nodes share. */
export async function propertiesOf(
  settings: NodeSettings & { readonly data: string },
): Promise<string> {
  const { node, ports, data } = settings;
  const own = ports[node - 1];
  if (own === undefined) throw new Error(`no ports for node ${node}`);
  const copies = String(Math.min(3, ports.length));
  const inSync = String(Math.max(1, Math.min(3, ports.length) - 1));
  const voters = ports.map(({ controllerPort }, at) => `${at + 1}@127.0.0.1:${controllerPort}`);
  const properties: Record<string, string> = {
    'node.id': String(node),
    'controller.quorum.voters': voters.join(','),
    listeners: `PLAINTEXT://127.0.0.1:${own.port},CONTROLLER://127.0.0.1:${own.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${own.port}`,
    'log.dirs': data,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    ...settings.properties,
  };
  const shared = await readFile(join(here, 'server.properties'), 'utf8');
  return `${shared}\n${Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`;
}

/** Free ports for nodes; the client ports begin at `first` if it is given. */
export async function freePorts(nodes: number, first?: number): Promise<NodePorts[]> {
  const taken = new Set<number>();
  const next = async () => {
    for (;;) {
      // Below the range of outgoing ports: a client that tries a dead port there can meet itself.
      const port = 20_000 + Math.floor(Math.random() * 12_000);
      if (taken.has(port) || !(await isFree(port))) continue;
      taken.add(port);
      return port;
    }
  };
  const ports: NodePorts[] = [];
  for (let node = 0; node < nodes; node += 1) {
    const port = first === undefined ? await next() : first + node;
    ports.push({ port, controllerPort: await next() });
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A killed broker's port may be taken a moment longer than its process shows. */
async function portsAreFree({ node, ports }: NodeSettings): Promise<void> {
  const { port = 0, controllerPort = 0 } = ports[node - 1] ?? {};
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await isFree(port)) && (await isFree(controllerPort))) return;
    await pause(50);
  }
  throw new Error(`port ${port} or ${controllerPort} is in use`);
}
