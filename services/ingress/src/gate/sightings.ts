import type { Bus } from '#bus';
import { definitionKey, definitionSeen, type Envelope } from '#contracts';
import type { AskedCall, Described } from './call.js';
import { maskedCopy } from './masked-copy.js';

/** How long a definition that stays the same is not reported again, in milliseconds: another gateway may have seen another. */
const reportAgainMs = 600_000;
/** Definitions of one server whose last report is remembered; those reported longest ago are forgotten first. */
const maxRemembered = 5000;
/** Definitions that one answer may have reported: what is beyond is left out of it, and has its turn in the next. */
const maxReports = 1000;
/** Reports that are written at once. */
const atOnce = 50;
/** Larger definitions are not shown; the digest names them. */
const maxShownCharacters = 65_536;

interface Report {
  readonly digest: string;
  readonly atMs: number;
}

/** Reports what servers say of their tools, their prompts and themselves, as far as that is news. */
export class Sightings {
  readonly #byServer = new Map<string, Map<string, Report>>();

  constructor(
    private readonly bus: Pick<Bus, 'publish'>,
    private readonly instance: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** Resolves with the items that are on record, once they are. @throws PublishError when one cannot be. */
  async report(
    call: AskedCall,
    { items, kind }: Described,
    cause: Envelope,
  ): Promise<Described['items']> {
    const reports = this.#reportsOf(call.server);
    const placeOf = (name: string): string => definitionKey({ server: call.server, kind, name });
    const news = items.filter((item) => !this.#isKnown(reports.get(placeOf(item.name)), item));
    const beyond = new Set(news.slice(maxReports));
    const due = news.slice(0, maxReports);
    for (let at = 0; at < due.length; at += atOnce) {
      const some = due.slice(at, at + atOnce);
      await Promise.all(some.map(async (item) => this.#publish(call, kind, item, cause)));
      for (const { digest, name } of some) {
        reports.delete(placeOf(name));
        reports.set(placeOf(name), { digest, atMs: this.now() });
      }
    }
    const tooMany = Math.max(reports.size - maxRemembered, 0);
    for (const place of [...reports.keys()].slice(0, tooMany)) reports.delete(place);
    return items.filter((item) => !beyond.has(item));
  }

  #reportsOf(server: string): Map<string, Report> {
    const reports = this.#byServer.get(server) ?? new Map<string, Report>();
    this.#byServer.set(server, reports);
    return reports;
  }

  #isKnown(report: Report | undefined, { digest }: Described['items'][number]): boolean {
    return report?.digest === digest && this.now() - report.atMs < reportAgainMs;
  }

  async #publish(
    { callId, pinning, protocol, server }: AskedCall,
    kind: Described['kind'],
    { definition, digest, name }: Described['items'][number],
    cause: Envelope,
  ): Promise<void> {
    const what = { callId, ingress: this.instance, protocol, server, kind, name, digest };
    const maskedDefinition = maskedCopy(definition, maxShownCharacters);
    await this.bus.publish(definitionSeen, { ...what, pin: pinning, maskedDefinition }, cause);
  }
}
