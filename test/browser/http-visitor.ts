import { parseSetCookie } from 'cookie';
import { request } from 'undici';
import { demoTenant, type DemoIdentityName } from '../../demo/entra/identities.js';
import type { PageWorld } from './page-world.js';

/** An answer, read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  readonly location: string;
}

/** From where a request comes, as browsers tell it. */
type Site = 'same-origin' | 'cross-site' | 'none';

interface KeptCookie {
  readonly value: string;
  readonly sameSite: string;
}

/** A browser without a screen: keeps cookies and sends them as browsers do, and shows its requests' headers. */
export class HttpVisitor {
  readonly cookies = new Map<string, KeptCookie>();

  constructor(private readonly world: PageWorld) {}

  /** Asks for a page. @param headers replaces what a browser would send. */
  async get(
    path: string,
    site: Site = 'same-origin',
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    return this.#send('GET', path, site, headers);
  }

  /** Sends a form of our own site. `headers` with an empty value are left out. */
  async post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
    site: Site = 'same-origin',
  ): Promise<HttpAnswer> {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const all = { origin: this.world.origin, ...form, ...headers };
    return this.#send('POST', path, site, all, new URLSearchParams(fields).toString());
  }

  /** The token that the forms of a page carry. */
  async csrf(path = '/approvals'): Promise<string> {
    const { text } = await this.get(path);
    return /name="csrf" value="([\w-]+)"/.exec(text)?.[1] ?? '';
  }

  /** Goes as far as Entra, and answers the address there. */
  async startSignIn(returnPath = '/approvals'): Promise<URL> {
    const query = new URLSearchParams({ tenant: demoTenant, return: returnPath });
    const started = await this.get(`/approvals/sign-in/start?${query.toString()}`);
    return new URL(started.location);
  }

  /** Chooses an identity at Entra, and answers the address that it sends back to. */
  async choose(address: URL, identity: DemoIdentityName | 'nobody'): Promise<string> {
    const chosen = new URL(address);
    chosen.searchParams.set('identity', identity);
    const { headers } = await request(chosen);
    const back = new URL(String(headers['location']));
    return `${back.pathname}${back.search}`;
  }

  /** The whole way in. */
  async signIn(identity: DemoIdentityName, returnPath = '/approvals'): Promise<HttpAnswer> {
    const back = await this.choose(await this.startSignIn(returnPath), identity);
    return this.get(back, 'cross-site');
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    site: Site,
    given: Record<string, string>,
    body?: string,
  ): Promise<HttpAnswer> {
    const cookie = this.#cookieHeader(site);
    const fetched = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', accept: 'text/html' };
    const all = { ...(cookie === '' ? {} : { cookie }), ...fetched, ...given };
    const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const answer = await request(`${this.world.origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    this.#keep(answer.headers['set-cookie']);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: await answer.body.text(),
      location: String(answer.headers['location'] ?? ''),
    };
  }

  #cookieHeader(site: Site): string {
    return [...this.cookies]
      .filter(([, { sameSite }]) => site !== 'cross-site' || sameSite !== 'strict')
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  #keep(given: string | string[] | undefined): void {
    for (const line of [given ?? []].flat()) {
      const { maxAge, name, sameSite, value } = parseSetCookie(line);
      if (maxAge === 0) this.cookies.delete(name);
      else this.cookies.set(name, { value: value ?? '', sameSite: String(sameSite) });
    }
  }
}
