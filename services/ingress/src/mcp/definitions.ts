import type { Definition, DefinitionKind } from '#contracts';
import type { Json } from '#masking';
import type { Described } from '../gate/call.js';
import { headerParamsOf } from './header-params.js';
import { isObject, type JsonObject, objectAt } from './message.js';

/** Definitions of one server that are remembered; those not listed for longest are forgotten first. */
const maxDefinitions = 5000;
/** Hints of one tool, and characters of a hint's name: they go into every record of its calls. */
const maxHints = 16;
const maxHintName = 64;

interface Known extends Definition {
  readonly headerParams: ReadonlyMap<string, readonly string[]>;
}

/** How servers last described their tools and prompts here. Memory only: another replica may know of another time. */
export class Definitions {
  readonly #byServer = new Map<string, Map<string, Known>>();

  /** Remembers the tools or prompts of a list as their server gave it. Other lists are none of its matter. */
  learn(server: string, described: Described | undefined): void {
    if (described === undefined || described.kind === 'instructions') return;
    const known = this.#byServer.get(server) ?? new Map<string, Known>();
    this.#byServer.set(server, known);
    for (const { definition, digest, name } of described.items) {
      const place = placeOf(described.kind, name);
      known.delete(place);
      known.set(place, { digest, hints: hintsOf(definition), headerParams: paramsOf(definition) });
    }
    const tooMany = Math.max(known.size - maxDefinitions, 0);
    for (const place of [...known.keys()].slice(0, tooMany)) known.delete(place);
  }

  /** The tool or prompt as it was last listed; undefined where it never was. */
  of(server: string, kind: DefinitionKind, name: string): Definition | undefined {
    const known = this.#byServer.get(server)?.get(placeOf(kind, name));
    return known && { digest: known.digest, hints: known.hints };
  }

  /**
   * The headers that mirror arguments of a tool: lower-case names, `mcp-param-…`, and where the arguments stand.
   * Undefined where the tool was never listed.
   */
  headerParams(server: string, tool: string): ReadonlyMap<string, readonly string[]> | undefined {
    return this.#byServer.get(server)?.get(placeOf('tool', tool))?.headerParams;
  }
}

function placeOf(kind: DefinitionKind, name: string): string {
  return `${kind} ${name}`;
}

/** The hints are untrusted: they may warn, never reassure. Of several items of one name all are heard, the last in the end. */
function hintsOf(definition: Json): Record<string, boolean> {
  const hints = itemsOf(definition)
    .flatMap((item) => Object.entries(objectAt(item, 'annotations')))
    .filter((each): each is [string, boolean] => typeof each[1] === 'boolean')
    .filter(([name]) => name.length <= maxHintName);
  return Object.fromEntries([...new Map(hints)].slice(0, maxHints));
}

function paramsOf(definition: Json): ReadonlyMap<string, readonly string[]> {
  const last = itemsOf(definition).at(-1);
  return last === undefined ? new Map() : headerParamsOf(last['inputSchema']);
}

function itemsOf(definition: Json): JsonObject[] {
  return [definition].flat().filter((item) => isObject(item));
}
