import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '#trust';

/** An application that people sign in to. */
export interface DemoApplication {
  readonly clientId: string;
  /** Where people may be sent back to; compared as text. */
  readonly redirectUris: readonly string[];
  /** Absent for a public application. */
  readonly secret?: string;
}

/** The registered applications. */
export class Applications {
  readonly #all = new Map<string, DemoApplication>();

  constructor(applications: readonly DemoApplication[]) {
    for (const each of applications) this.register(each);
  }

  register(application: DemoApplication): void {
    this.#all.set(application.clientId, application);
  }

  find(clientId: string): DemoApplication | undefined {
    return this.#all.get(clientId);
  }

  /** True for an address that some application gets people back at. */
  isRegistered(redirectUri: string): boolean {
    return [...this.#all.values()].some((each) => each.redirectUris.includes(redirectUri));
  }

  /** True where the application proved itself, or has nothing to prove. */
  isProven(clientId: string, secret: string | undefined): boolean {
    const expected = this.#all.get(clientId)?.secret;
    if (expected === undefined) return this.#all.has(clientId) && secret === undefined;
    return secret !== undefined && timingSafeEqual(digest(secret), digest(expected));
  }
}

/** Texts of any length as so many bytes. */
function digest(text: string): Buffer {
  return Buffer.from(sha256(text), 'hex');
}
