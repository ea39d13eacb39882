import { createServer } from 'node:http';
import express, { type Express } from 'express';
import { type DemoIdentity, demoIdentities } from '../entra/identities.js';
import { listeningPort } from '../listening-port.js';
import {
  type ActivityJson,
  type Actor,
  installActivities,
  pressActivity,
  removeActivities,
  type Surroundings,
} from './activities.js';
import { type BotCredentials, BotTokens } from './bot-tokens.js';
import { actionsOf, type ExecuteAction, inputsOf } from './card-rules.js';
import { type ConnectorCall, connectorRoutes } from './connector-routes.js';
import { type FaultOptions, Faults } from './faults.js';
import {
  type GatewayAnswer,
  outcomeOf,
  type PressOutcome,
  sendActivity,
} from './gateway-sender.js';
import { pageRoutes } from './page-routes.js';
import { type Room, type RoomMessage, Rooms } from './rooms.js';
import { connectorIssuer as issuer, PublishedKeys } from './published-keys.js';
import { connectorToken, type SigningKey } from './signing.js';

/** Settings of the stand-in. */
export interface StandInTeamsSettings {
  /** A loopback address: whoever reaches the page can press for everybody. */
  readonly host: '127.0.0.1' | 'localhost' | '::1';
  /** 0 takes a free one. */
  readonly port: number;
  /** Where activities go; a function where the gateway's address is known later. */
  readonly gatewayMessagesUrl: string | (() => string);
  readonly appId: string;
  readonly tenant: string;
  readonly credentials: BotCredentials;
  /** Who is there; the people of the demo unless said. */
  readonly people?: Readonly<Record<string, DemoIdentity>>;
  /** Life of the bot's tokens. Default 3600. */
  readonly botTokenSeconds?: number;
}

/** A conversation to install the app in. */
export interface Installation {
  readonly kind: Room['kind'];
  readonly name: string;
  /** Names of its people; everybody unless said, and the first one installs. */
  readonly members?: readonly string[];
  /** Taken as it is, for configurations that name it beforehand. */
  readonly id?: string;
}

/** A press as a person makes it. */
export interface StandInPress {
  readonly message: RoomMessage;
  /** Name of one of the people. */
  readonly by: string;
  readonly verb: string;
  /** Inputs by their ids. */
  readonly inputs?: Readonly<Record<string, string>>;
}

/** A running stand-in for Teams and its Bot Connector. */
export interface StandInTeams {
  /** Of the page that draws the cards. */
  readonly pageUrl: string;
  readonly serviceUrl: string;
  /** Host and port of `serviceUrl`. */
  readonly serviceHost: string;
  readonly openIdUrl: string;
  readonly issuer: string;
  readonly loginUrl: string;
  readonly rooms: Rooms;
  /** Every call of the bot, in order. */
  readonly calls: readonly ConnectorCall[];
  /** Opens a conversation, adds the app to it and tells the gateway. */
  install(installation: Installation): Promise<Room>;
  uninstall(room: Room): Promise<void>;
  /** Presses a button of the card that the person sees, and shows them the answer. */
  press(press: StandInPress): Promise<PressOutcome>;
  /** The press as it would be sent, to be spoiled first. */
  activity(press: StandInPress): ActivityJson;
  /** Sends an activity with a token as the connector signs it, changed claims, another key, a token of one's own or none. */
  send(activity: ActivityJson, forged?: Forgery): Promise<GatewayAnswer>;
  /** A further key; published from now on where it is said so. */
  addKey(endorsements: readonly string[], isPublished: boolean): Promise<SigningKey>;
  failNext(status: number, options?: FaultOptions): void;
  delayNext(delayMs: number, options?: FaultOptions): void;
  botTokensIssued(): number;
  /** How often keys were fetched. */
  keyFetches(): number;
  /** Makes the key endpoint fail, or heals it. */
  setKeysDown(isDown: boolean): void;
  close(): Promise<void>;
}

/** How a token differs from a true one. */
export interface Forgery {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: SigningKey;
  /** In place of any; null for none at all. */
  readonly token?: string | null;
}

/** Starts Teams as far as a bot can see it. It lets anybody press for everybody, so it is for loopback only. */
export async function startStandInTeams(settings: StandInTeamsSettings): Promise<StandInTeams> {
  refuseToBePublic(settings.host);
  const world = await StandInWorld.create(settings);
  const app = express();
  const server = createServer(app);
  server.listen(settings.port, settings.host);
  const port = await listeningPort(server);
  const host = settings.host === '::1' ? '[::1]' : settings.host;
  world.open(`http://${host}:${port}`, app);
  return world.standIn(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

function refuseToBePublic(host: string): void {
  if (process.env['NODE_ENV'] === 'production') {
    throw new Error('The stand-in for Teams lets anybody press and must not run in production.');
  }
  if (!['127.0.0.1', 'localhost', '::1'].includes(host)) {
    throw new Error('The stand-in for Teams lets anybody press and is for loopback only.');
  }
}

class StandInWorld {
  readonly #rooms = new Rooms();
  readonly #faults = new Faults();
  readonly #calls: ConnectorCall[] = [];
  readonly #people: Readonly<Record<string, DemoIdentity>>;
  #origin = '';

  private constructor(
    private readonly settings: StandInTeamsSettings,
    private readonly tokens: BotTokens,
    private readonly keys: PublishedKeys,
  ) {
    const people = Object.entries(settings.people ?? demoIdentities);
    this.#people = Object.fromEntries(people.filter(([, person]) => !('isWorkload' in person)));
  }

  static async create(settings: StandInTeamsSettings): Promise<StandInWorld> {
    const { appId, botTokenSeconds = 3600, credentials, tenant } = settings;
    const tokens = await BotTokens.create({ appId, tenant }, credentials, botTokenSeconds);
    return new StandInWorld(settings, tokens, await PublishedKeys.create());
  }

  open(origin: string, app: Express): void {
    this.#origin = origin;
    app.disable('x-powered-by');
    app.use('/v1/.well-known', this.keys.routes(`${origin}/v1/.well-known`));
    const { tenant } = this.settings;
    app.post('/:tenant/oauth2/v2.0/token', express.urlencoded(), async (request, response) => {
      const url = `${origin}/${request.params.tenant}/oauth2/v2.0/token`;
      const { body, status } = await this.tokens.answer(request.params.tenant, request.body, url);
      response.status(status).json(body);
    });
    const record = (call: ConnectorCall): void => void this.#calls.push(call);
    const parts = { tenant, rooms: this.#rooms, tokens: this.tokens, faults: this.#faults, record };
    app.use('/emea', connectorRoutes(parts));
    const people = this.#people;
    const press = async (message: RoomMessage, by: string, action: ExecuteAction) =>
      this.#press(message, by, action);
    app.use(pageRoutes({ origin, rooms: this.#rooms, people, press }));
  }

  standIn(close: () => Promise<void>): StandInTeams {
    return {
      pageUrl: `${this.#origin}/`,
      serviceUrl: this.#around().serviceUrl,
      serviceHost: new URL(this.#origin).host,
      openIdUrl: `${this.#origin}/v1/.well-known/openidconfiguration`,
      issuer,
      loginUrl: this.#origin,
      rooms: this.#rooms,
      calls: this.#calls,
      install: async (installation) => this.#install(installation),
      uninstall: async (room) => this.#uninstall(room),
      press: async (press) => this.#press(press.message, press.by, this.#actionOf(press)),
      activity: (press) => this.#activity(press.message, press.by, this.#actionOf(press)),
      send: async (activity, forged) => this.#send(activity, forged),
      addKey: async (endorsements, isPublished) => this.keys.add(endorsements, isPublished),
      failNext: (status, options = {}) => this.#faults.fail(status, options),
      delayNext: (delayMs, options = {}) => this.#faults.delay(delayMs, options),
      botTokensIssued: () => this.tokens.issued(),
      keyFetches: () => this.keys.fetches,
      setKeysDown: (isDown) => void (this.keys.isDown = isDown),
      close,
    };
  }

  #around(): Surroundings {
    const { appId, tenant } = this.settings;
    return { appId, tenant, serviceUrl: `${this.#origin}/emea/` };
  }

  #person(name: string): Actor {
    const person = Object.hasOwn(this.#people, name) ? this.#people[name] : undefined;
    if (person === undefined) throw new TypeError(`nobody here is called ${name}`);
    return person;
  }

  async #install({ id, kind, members, name }: Installation): Promise<Room> {
    const names = members ?? Object.keys(this.#people);
    const people = names.map((each) => this.#person(each));
    const ids = people.map((each) => each.oid);
    const room = this.#rooms.open(kind, name, ids, id);
    room.isInstalled = true;
    this.#rooms.changed();
    const by = people[0] ?? this.#person('');
    await this.#tell(installActivities(this.#around(), room, by));
    return room;
  }

  async #uninstall(room: Room): Promise<void> {
    room.isInstalled = false;
    const [oid] = room.members;
    const by = Object.values(this.#people).find((each) => each.oid === oid) ?? this.#person('');
    await this.#tell(removeActivities(this.#around(), room, by));
  }

  async #tell(activities: readonly ActivityJson[]): Promise<void> {
    for (const activity of activities) {
      const { status } = await this.#send(activity);
      if (status !== 200)
        throw new Error(`the gateway said ${status} to ${String(activity['type'])}`);
    }
  }

  async #send(activity: ActivityJson, forged: Forgery = {}): Promise<GatewayAnswer> {
    const { gatewayMessagesUrl } = this.settings;
    const url = typeof gatewayMessagesUrl === 'string' ? gatewayMessagesUrl : gatewayMessagesUrl();
    const { appId, serviceUrl } = this.#around();
    const claims = { issuer, appId, serviceUrl };
    const made = await connectorToken(forged.key ?? this.keys.key, claims, forged.claims);
    return sendActivity(
      url,
      activity,
      forged.token === undefined ? made : (forged.token ?? undefined),
    );
  }

  #actionOf({ by, inputs = {}, message, verb }: StandInPress): ExecuteAction {
    const card = message.ownCards.get(this.#person(by).oid) ?? message.card;
    const action = actionsOf(card).find((each) => each.verb === verb);
    if (action === undefined) throw new TypeError(`the card has no button for ${verb}`);
    const given = Object.fromEntries(inputsOf(card).map((id) => [id, inputs[id] ?? '']));
    return { ...action, data: { ...action.data, ...given } };
  }

  #activity(message: RoomMessage, by: string, action: ExecuteAction): ActivityJson {
    const found = this.#rooms.find(message.roomId);
    if (found === undefined) throw new TypeError('the message is nowhere');
    const person = this.#person(by);
    return pressActivity(this.#around(), found.room, message, { by: person, action });
  }

  async #press(message: RoomMessage, by: string, action: ExecuteAction): Promise<PressOutcome> {
    const { updates } = message;
    const answer = await this.#send(this.#activity(message, by, action)).catch(
      (cause: unknown) => ({
        status: 0,
        body: String(cause),
      }),
    );
    const outcome = outcomeOf(answer);
    // An update that came meanwhile is newer than the answer, or another one follows it.
    if (outcome.kind === 'card' && message.updates === updates) {
      message.ownCards.set(this.#person(by).oid, outcome.card);
      this.#rooms.changed();
    }
    return outcome;
  }
}
