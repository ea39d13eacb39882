import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigFile } from '#runtime';
import { Bundles } from '../../services/policy/src/bundles.js';

/** The YAML examples under one heading of a document: read together, as one installation. */
export interface Example {
  readonly heading: string;
  /** Text of `countersign.yaml`; undefined where the section shows policy alone. */
  readonly config: string | undefined;
  readonly policies: readonly string[];
}

/** A heading, or a fenced block whole, so that a comment in it is no heading. */
const headingOrBlock = /^#{1,6} (.+)$|^```(\w*)\n([^]*?)^```$/gm;

/** Every YAML block of a document. @throws Error for a block that is neither a configuration nor a policy file. */
export function examplesIn(document: string): Example[] {
  const blocks = new Map<string, string[]>();
  let heading = '';
  for (const [, title, language, text = ''] of document.matchAll(headingOrBlock)) {
    if (title !== undefined) heading = title;
    else if (language === 'yaml') blocks.set(heading, [...(blocks.get(heading) ?? []), text]);
  }
  return [...blocks].map(([heading, texts]) => example(heading, texts));
}

function example(heading: string, texts: readonly string[]): Example {
  const policies = texts.filter((text) => /^kind: PolicyBundle$/m.test(text));
  const configs = texts.filter((text) => /^entra:/m.test(text));
  if (configs.length > 1 || configs.length + policies.length < texts.length) {
    throw new Error(
      `a YAML block under "${heading}" is no whole file, or a second countersign.yaml`,
    );
  }
  return { heading, config: configs[0], policies };
}

/** What stands around an example that shows a part alone. */
export interface Surroundings {
  readonly config: string;
  readonly policies: readonly string[];
}

/**
 * Writes an example to a folder and reads it as the services do, the tests of its policy files included.
 * @throws ConfigError, BundleError
 */
export async function load(example: Example, around: Surroundings): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-docs-'));
  try {
    const file = join(folder, 'countersign.yaml');
    await writeFile(file, example.config ?? around.config);
    const config = readConfigFile(file);
    await mkdir(config.policies);
    const policies = example.policies.length === 0 ? around.policies : example.policies;
    for (const [index, text] of policies.entries()) {
      await writeFile(join(config.policies, `${index}.yaml`), text);
    }
    await Bundles.load(config.policies, config.groups);
  } finally {
    await rm(folder, { recursive: true });
  }
}
