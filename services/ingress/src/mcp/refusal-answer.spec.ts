import { expect, test } from 'vitest';
import { Refusal } from '../gate/refusal.js';
import { readMessage } from './message.js';
import { refusalMessage } from './refusal-answer.js';

const hidden = new Refusal('DENIED', 'verdict', 'No rule allows this.', { hidden: true });
const asked = (method: string, params: object = {}) =>
  readMessage({ jsonrpc: '2.0', id: 7, method, params: { ...params } });

test.each([
  ['tools/call', { name: 'drop' }, -32_602, 'Unknown tool: drop'],
  ['prompts/get', { name: 'plan' }, -32_602, 'Unknown prompt: plan'],
  ['resources/read', { uri: 'file:///a' }, -32_002, 'Resource not found: file:///a'],
  ['completion/complete', { ref: { name: 'plan' } }, -32_002, 'Resource not found: plan'],
])(
  'when %s names what the caller must not know of, then it is told what it would be if there were none',
  (method, params, code, message) => {
    const { error } = refusalMessage(hidden, { callId: 'call-1' }, asked(method, params));

    expect(error).toEqual({ code, message });
  },
);

test.each(['initialize', 'tools/list', 'ping'])(
  'when %s is denied, which names nothing, then the caller learns that it was denied',
  (method) => {
    const { error } = refusalMessage(hidden, { callId: 'call-1' }, asked(method));

    expect(error).toMatchObject({
      code: 4030,
      message: 'No rule allows this.',
      data: { code: 'DENIED', callId: 'call-1' },
    });
  },
);
