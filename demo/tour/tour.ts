import { demoIdentities, type DemoIdentityName } from '../entra/identities.js';
import type { OrdersServer } from '../orders/orders-server.js';
import { customers } from '../orders/orders-data.js';
import { GatewayApi, type StoryEvent } from './gateway-api.js';
import { mustHold, Telling } from './telling.js';

/** What the tour walks through. */
export interface TourSettings {
  readonly url: string;
  readonly orders: OrdersServer;
  readonly token: (name: DemoIdentityName) => Promise<string>;
  readonly write: (text: string) => void;
}

/**
 * The guided tour: a read that is masked, a command that is denied, one that waits for a signature, and
 * the replay of all three. @throws TourFailed when a step does not do what it should.
 */
export async function tour(settings: TourSettings): Promise<void> {
  const telling = new Telling(settings.write);
  const gateway = new GatewayApi(settings.url);
  const since = new Date().toISOString();
  telling.say(
    'Countersign stands between people who sign in with Entra and the MCP server "orders".',
  );
  telling.say(
    'Nobody but the gateway holds the server’s credential. Watch three calls go through it.',
  );
  await maskedRead(settings, gateway, telling);
  await deniedCommand(settings, gateway, telling);
  await signedCommand(settings, gateway, telling);
  await replay(settings, gateway, telling, since);
}

async function maskedRead(settings: TourSettings, gateway: GatewayApi, telling: Telling) {
  const [customer] = customers;
  telling.heading('A read is allowed, and its answer is masked');
  telling.say(
    `${nameOf('analyst')} looks up a customer. The rule "read-customers" allows it for her group.`,
  );
  const result = await gateway.callTool(await settings.token('analyst'), 'find_customer', {
    name: 'Maria',
  });
  const text = result.content[0]?.text ?? '';
  telling.show('server said', JSON.stringify(customer));
  telling.show('client got', text);
  telling.say(
    'E-mail, phone, card and social security number never reached the client or its model.',
  );
  const leaks = [customer?.email, customer?.ssn, customer?.card].filter((each) =>
    text.includes(each ?? '\0'),
  );
  mustHold('the answer names the customer', text.includes('Maria Keller'));
  mustHold('no sensitive field is in the answer', leaks.length === 0);
}

async function deniedCommand(settings: TourSettings, gateway: GatewayApi, telling: Telling) {
  telling.heading('A command is denied');
  telling.say(
    `${nameOf('engineer')} may delete test customers. This one is real, so "no-deletion" denies it.`,
  );
  const before = settings.orders.executions.length;
  const token = await settings.token('engineer');
  const result = await gateway.callTool(token, 'delete_customer', { id: 'C-1001' });
  telling.show('client got', result.content[0]?.text ?? '');
  telling.say('The server never heard of it: the verdict was made before a byte went out.');
  mustHold('the call is refused', result.isError === true);
  mustHold('the server executed nothing', settings.orders.executions.length === before);
}

async function signedCommand(settings: TourSettings, gateway: GatewayApi, telling: Telling) {
  telling.heading('A command waits until somebody else has signed it');
  telling.say(
    `${nameOf('analyst')} asks for a refund. "refunds-need-a-signature" holds the call at the gate.`,
  );
  const before = settings.orders.executions.length;
  const analyst = await settings.token('analyst');
  const order = `A-${Date.now()}`;
  const waiting = gateway.callTool(analyst, 'refund_order', { order, amount: 20 });
  const approver = await settings.token('approver');
  const id = await gateway.pendingApproval(approver, 'refund_order');
  telling.show(
    'held',
    `approval ${id}; executed so far: ${settings.orders.executions.length - before}`,
  );
  mustHold('nothing runs while it waits', settings.orders.executions.length === before);
  const own = await gateway.decide(analyst, id, 'I need it');
  telling.show(
    'four eyes',
    `${nameOf('analyst')} tries to sign her own request: HTTP ${own}, refused`,
  );
  mustHold('the requester cannot sign', own === 403);
  const signed = await gateway.decide(approver, id, 'charged twice');
  telling.show('signed', `${nameOf('approver')} of orders-owners approves: HTTP ${signed}`);
  const result = await waiting;
  telling.show('client got', result.content[0]?.text ?? '');
  const execution = settings.orders.executions.at(-1);
  telling.say('The approval was for this call alone: these arguments, this person, once.');
  mustHold('the call ran after the signature', result.isError !== true);
  mustHold('it ran once', settings.orders.executions.length === before + 1);
  mustHold(
    'the server saw the gateway’s credential',
    execution?.authorization !== `Bearer ${analyst}`,
  );
}

async function replay(
  settings: TourSettings,
  gateway: GatewayApi,
  telling: Telling,
  since: string,
) {
  telling.heading('Everything is on record');
  telling.say(
    `${nameOf('auditor')} holds the role Countersign.Auditor and replays all three. Reading is recorded too.`,
  );
  const auditor = await settings.token('auditor');
  for (const tool of ['find_customer', 'delete_customer', 'refund_order']) {
    const events = await gateway.story(auditor, tool, since);
    telling.say(`\n   ${tool}`);
    for (const event of events) telling.show(event.time.slice(11, 23), lineOf(event));
    const types = events.map(({ type }) => type);
    mustHold(
      `the story of ${tool} begins with the request`,
      types[0]?.includes('call.requested') === true,
    );
    mustHold(
      `the story of ${tool} has the verdict`,
      types.some((type) => type.includes('call.decided')),
    );
    mustHold(
      `the record of ${tool} holds no e-mail`,
      !JSON.stringify(events).includes('maria.keller@'),
    );
  }
}

function nameOf(identity: DemoIdentityName): string {
  return demoIdentities[identity].name;
}

/** An event in a line: what happened, and the one fact that matters. */
function lineOf({ data, type }: StoryEvent): string {
  const name = type.replace(/^countersign\.|\.v\d+$/g, '').padEnd(20);
  const verdict = data['verdict'];
  const facts = { ...data, ...(typeof verdict === 'object' ? verdict : {}) };
  const shown = ['effect', 'ruleIds', 'decision', 'code', 'outcome', 'counts', 'reason']
    .map((key) => [key, facts[key as keyof typeof facts]] as const)
    .filter(([, value]) => value !== undefined && value !== '');
  return `${name} ${shown.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join('  ')}`;
}
