/** As little of an MCP client as a test needs: it sees every answer as it came, refusals too. */
export class McpSession {
  #headers;
  #lastId = 0;

  constructor(url, token) {
    this.url = url;
    this.#headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
  }

  /** Initializes a session. @throws Error when that is refused. */
  static async open(url, token) {
    const session = new McpSession(url, token);
    const protocolVersion = '2025-06-18';
    const clientInfo = { name: 'compose-test', version: '1.0.0' };
    const { error } = await session.#ask('initialize', {
      protocolVersion,
      capabilities: {},
      clientInfo,
    });
    if (error !== undefined) throw new Error(`initialize: ${JSON.stringify(error)}`);
    session.#headers['mcp-protocol-version'] = protocolVersion;
    await session.#post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  /** Calls a tool; gives the whole JSON-RPC answer. */
  async call(params) {
    return this.#ask('tools/call', params);
  }

  async #ask(method, params) {
    this.#lastId += 1;
    const id = this.#lastId;
    const response = await this.#post({ jsonrpc: '2.0', id, method, params });
    const text = await response.text();
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const answer = (isStream ? dataOf(text) : [text])
      .map((each) => JSON.parse(each))
      .find((message) => message.id === id || message.error !== undefined);
    if (answer === undefined) throw new Error(`${method}: no answer (HTTP ${response.status})`);
    return answer;
  }

  async #post(message) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: this.#headers,
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(60_000),
    });
    const sessionId = response.headers.get('mcp-session-id');
    if (sessionId !== null) this.#headers['mcp-session-id'] = sessionId;
    return response;
  }
}

/** The data of each server-sent event. */
function dataOf(stream) {
  return stream
    .split(/\r?\n\r?\n/)
    .map((event) => event.split(/\r?\n/).filter((line) => line.startsWith('data:')))
    .map((lines) => lines.map((line) => line.slice('data:'.length).trimStart()).join('\n'))
    .filter((data) => data !== '');
}
