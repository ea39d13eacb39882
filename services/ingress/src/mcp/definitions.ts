import type { Definition } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import type { Catalog } from './catalog.js';
import { type JsonObject, objectAt } from './message.js';

/** Tools of one server that are remembered; those not listed for longest are forgotten first. */
const maxTools = 5000;
/** Hints of one tool, and characters of a hint's name: they go into every record of its calls. */
const maxHints = 16;
const maxHintName = 64;

/** How servers last described their tools here. Memory only: another replica may know of another time. */
export class Definitions {
  readonly #byServer = new Map<string, Map<string, Definition>>();

  /** Remembers the tools of a list as their server gave it. Other lists are none of its matter. */
  learn(server: string, { items, usedWith }: Pick<Catalog, 'items' | 'usedWith'>): void {
    if (usedWith !== 'tools/call') return;
    const known = this.#byServer.get(server) ?? new Map<string, Definition>();
    this.#byServer.set(server, known);
    for (const { name, definition } of items) {
      known.delete(name);
      known.set(name, read(definition));
    }
    const tooMany = Math.max(known.size - maxTools, 0);
    for (const name of [...known.keys()].slice(0, tooMany)) known.delete(name);
  }

  /** The tool as it was last listed; undefined where it never was. */
  of(server: string, tool: string): Definition | undefined {
    return this.#byServer.get(server)?.get(tool);
  }
}

/** The digest of all that the server said of it. Its hints are untrusted: they may warn, never reassure. */
function read(definition: JsonObject): Definition {
  const hints = Object.entries(objectAt(definition, 'annotations'))
    .filter((each): each is [string, boolean] => typeof each[1] === 'boolean')
    .filter(([name]) => name.length <= maxHintName)
    .slice(0, maxHints);
  return { digest: sha256(canonicalJson(definition)), hints: Object.fromEntries(hints) };
}
