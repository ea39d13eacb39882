import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Bundle, BundleError, compileBundle, type PolicyFile } from './bundle.js';
import { runBundleTests } from './bundle-tests.js';

/** How often the folder is looked at, in milliseconds. */
const lookMs = 1000;

/** Told of every bundle that came into force or was refused. */
export type BundleListener = (
  outcome:
    | { readonly kind: 'loaded'; readonly bundle: Bundle }
    | { readonly kind: 'refused'; readonly bundle: Bundle; readonly error: BundleError },
) => void;

/**
 * The bundle in force. A changed folder is compiled and tested in full, then takes its place in one
 * step; one that is refused leaves the last good one in force.
 */
export class Bundles {
  #current: Bundle;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly folder: string,
    private readonly groups: Readonly<Record<string, string>>,
    bundle: Bundle,
    seen: string,
  ) {
    this.#current = bundle;
    this.#seen = seen;
  }

  /** Loads a folder of policy files. @throws BundleError: without a good bundle nothing starts. */
  static async load(folder: string, groups: Readonly<Record<string, string>>): Promise<Bundles> {
    const seen = await fingerprint(folder);
    return new Bundles(folder, groups, await compileFolder(folder, groups), seen);
  }

  get current(): Bundle {
    return this.#current;
  }

  /** Looks for changes from now on. */
  watch(listener: BundleListener): void {
    listener({ kind: 'loaded', bundle: this.#current });
    this.#lookSoon(listener);
  }

  #lookSoon(listener: BundleListener): void {
    this.#timer = setTimeout(() => void this.#look(listener), lookMs).unref();
  }

  async #look(listener: BundleListener): Promise<void> {
    await this.#reload(listener);
    if (this.#timer !== undefined) this.#lookSoon(listener);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #reload(listener: BundleListener): Promise<void> {
    const seen = await fingerprint(this.folder).catch(() => 'unreadable');
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      this.#current = await compileFolder(this.folder, this.groups);
      listener({ kind: 'loaded', bundle: this.#current });
    } catch (cause) {
      const error = cause instanceof BundleError ? cause : new BundleError('unreadable', { cause });
      listener({ kind: 'refused', bundle: this.#current, error });
    }
  }
}

async function compileFolder(
  folder: string,
  groups: Readonly<Record<string, string>>,
): Promise<Bundle> {
  const bundle = compileBundle(await readFolder(folder), groups);
  runBundleTests(bundle, groups);
  return bundle;
}

async function readFolder(folder: string): Promise<PolicyFile[]> {
  const names = await policyNames(folder);
  if (names.length === 0) throw new BundleError(`${folder} holds no policy file (*.yaml)`);
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      try {
        return { name, content: parse(text, { maxAliasCount: 50 }) as unknown };
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : 'unreadable';
        throw new BundleError(`${name}: ${reason}`, { cause });
      }
    }),
  );
}

async function policyNames(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  } catch (cause) {
    throw new BundleError(`the policy folder ${folder} cannot be read`, { cause });
  }
}

/** Changes when a file is added, removed or written. */
async function fingerprint(folder: string): Promise<string> {
  const names = await policyNames(folder);
  const stats = await Promise.all(names.map(async (name) => stat(join(folder, name))));
  return JSON.stringify(
    names.map((name, index) => [name, stats[index]?.mtimeMs, stats[index]?.size]),
  );
}
