import { stat } from 'node:fs/promises';
import {
  ConfigError,
  type CountersignConfig,
  readConfigFile,
  type ServerConfig,
} from './config-file.js';

/** How often the file is looked at, in milliseconds. */
const lookMs = 1000;

type Configured = Readonly<Record<string, ServerConfig>>;

/** What is told of a changed file. */
export interface ServersListener {
  /** Other servers, or others than before, are configured. */
  changed(servers: Configured): void;
  /** The file has a mistake; what was configured before stays. */
  refused(error: ConfigError): void;
  /** Something else than the servers changed: that takes effect at the next start. */
  later(): void;
}

/**
 * The section `servers` of `countersign.yaml`, as it is now: a changed file is read in full, then its servers
 * take the place of those before in one step.
 */
export class WatchedServers {
  #config: CountersignConfig;
  #seen: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: CountersignConfig) {
    this.#config = config;
  }

  get current(): Configured {
    return this.#config.servers;
  }

  /** Looks for changes from now on, and first for those since the file was read. */
  async watch(listener: ServersListener): Promise<void> {
    this.#lookSoon(listener);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookSoon(listener: ServersListener): void {
    this.#timer = setTimeout(() => void this.#look(listener), lookMs).unref();
  }

  async #look(listener: ServersListener): Promise<void> {
    const seen = await fingerprint(this.#config.file);
    if (this.#timer === undefined) return;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#reload(listener);
    }
    this.#lookSoon(listener);
  }

  #reload(listener: ServersListener): void {
    try {
      const { servers: before, ...othersBefore } = this.#config;
      const { servers, ...others } = readConfigFile(this.#config.file);
      this.#config = { ...this.#config, servers };
      if (JSON.stringify(servers) !== JSON.stringify(before)) listener.changed(servers);
      if (JSON.stringify(others) !== JSON.stringify(othersBefore)) listener.later();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      listener.refused(error);
    }
  }
}

/** Changes when the file is written, replaced or removed. */
async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(file);
    return JSON.stringify([ino, mtimeMs, size]);
  } catch {
    return 'unreadable';
  }
}
