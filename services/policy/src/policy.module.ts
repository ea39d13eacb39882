import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Bus, type BusOptions, PublishError } from '#bus';
import { type DataOf, policyPublished } from '#contracts';
import type { WatchedServers } from '#runtime';
import { Sealer, Signer } from '#trust';
import { idleRules } from './bundle.js';
import { type BundleListener, Bundles } from './bundles.js';
import { LiveDefinitions } from './live-definitions.js';
import { LiveGrants } from './live-grants.js';
import { PolicyConsumer } from './policy.consumer.js';

const publishAttempts = 60;
const publishPauseMs = 1000;

/** How a policy replica reads the grants there are. */
export function grantsReading(): BusOptions {
  return { group: `policy-grants-${randomUUID()}`, startAt: 'committed' };
}

/** How a policy replica reads the definitions that were recorded. */
export function definitionsReading(): BusOptions {
  return { group: `policy-definitions-${randomUUID()}`, startAt: 'committed' };
}

/** What policy is made with. */
export interface PolicySettings {
  readonly bus: Bus;
  /** Reads in a group of its own, from the beginning: every replica must know every grant. */
  readonly grantsBus: Bus;
  /** Likewise: every replica must know every definition. */
  readonly definitionsBus: Bus;
  /** Folder of policy files. */
  readonly folder: string;
  /** The servers that there are now; a rule for none of them is told of. */
  readonly servers: Pick<WatchedServers, 'current' | 'watch' | 'close'>;
  /** Names of group object ids. */
  readonly groups: Readonly<Record<string, string>>;
  /** PKCS #8 private key that signs verdicts. */
  readonly signingKey: string;
  readonly argumentsKey: string;
}

/** Says what came into force, and looks for changes while the service runs. */
class BundleWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('policy');
  readonly #instance = randomUUID();

  constructor(
    private readonly bus: Bus,
    private readonly bundles: Bundles,
    private readonly servers: PolicySettings['servers'],
  ) {}

  onApplicationBootstrap(): void {
    this.bundles.watch((outcome) => void this.#announce(outcome));
    // What is wrong with the file is told by ingress, which calls the servers.
    const heard = { changed: () => undefined, refused: () => undefined, later: () => undefined };
    void this.servers.watch(heard);
  }

  onApplicationShutdown(): void {
    this.bundles.close();
    this.servers.close();
  }

  async #announce(outcome: Parameters<BundleListener>[0]): Promise<void> {
    const { bundle, kind } = outcome;
    const error = outcome.kind === 'refused' ? outcome.error.message : null;
    if (error === null) {
      this.#logger.log(`bundle ${bundle.digest.slice(0, 12)} is in force`);
      for (const rule of idleRules(bundle, Object.keys(this.servers.current))) {
        this.#logger.warn(`rule ${rule} is for no server that countersign.yaml names`);
      }
    } else this.#logger.error(`the changed policy is refused, the last good one stays: ${error}`);
    await this.#publish({
      bundle: bundle.digest,
      instance: this.#instance,
      outcome: kind,
      rules: bundle.rules.length,
      files: [...bundle.files],
      error,
      at: new Date().toISOString(),
    });
  }

  /** The log may not be open yet, or not answer; what came into force is said once it does. */
  async #publish(data: DataOf<typeof policyPublished>): Promise<void> {
    for (let attempt = 0; attempt < publishAttempts; attempt += 1) {
      try {
        await this.bus.publish(policyPublished, data);
        return;
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        await pause(publishPauseMs, undefined, { ref: false });
      }
    }
    this.#logger.error('the bundle in force could not be announced');
  }
}

/** The PDP. */
@Module({})
export class PolicyModule {
  /** @throws BundleError when the folder holds no good bundle. */
  static async register(settings: PolicySettings): Promise<DynamicModule> {
    const { bus } = settings;
    const bundles = await Bundles.load(settings.folder, settings.groups);
    const signer = new Signer(settings.signingKey);
    const sealer = new Sealer(settings.argumentsKey, 'arguments');
    const grants = new LiveGrants();
    grants.listen(settings.grantsBus);
    const definitions = new LiveDefinitions(settings.definitionsBus);
    const consumer = new PolicyConsumer({
      bus,
      bundles,
      signer,
      sealer,
      grants,
      definitions,
      servers: () => settings.servers.current,
    });
    return {
      module: PolicyModule,
      providers: [
        { provide: Bus, useValue: bus },
        { provide: LiveDefinitions, useValue: definitions },
        { provide: PolicyConsumer, useValue: consumer },
        { provide: BundleWatch, useValue: new BundleWatch(bus, bundles, settings.servers) },
      ],
      exports: [LiveDefinitions],
    };
  }
}
