import { connect } from 'node:net';

/** A request as it stands on the wire: nothing is normalised, repaired or left out. */
export interface RawRequest {
  readonly method?: string;
  /** The request target, in whatever form. */
  readonly target: string;
  /** In order, repeats included. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string | Buffer;
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; the first of several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const patienceMs = 20_000;

/** Sends bytes over a connection of their own and reads until the server closes it. */
export async function sendRaw(port: number, request: RawRequest): Promise<RawAnswer> {
  const body = Buffer.from(request.body ?? '');
  const lines = [
    `${request.method ?? 'POST'} ${request.target} HTTP/1.1`,
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return sendBytes(port, Buffer.concat([head, body]));
}

/** The same with every byte the test's own; of several answers all but the first are in its body. */
export async function sendBytes(port: number, bytes: Buffer): Promise<RawAnswer> {
  return parse(await exchange(port, bytes));
}

async function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const pieces: Buffer[] = [];
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('the server says nothing')));
    socket.on('data', (piece) => pieces.push(Buffer.from(piece)));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('utf8')));
  });
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [name = '', ...value] = line.split(':');
    if (!headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value.join(':').trim());
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}
