import { createRequire } from 'node:module';

const provenVersion = '2.2.4';

/**
 * A class inside kafkajs, by its file, to be patched.
 * @throws Error when the kafkajs installed is not the one that the patches were proven with.
 */
export function kafkajsClass(file: string): object {
  const require = createRequire(import.meta.filename);
  const version = memberOf(require('kafkajs/package.json'), 'version');
  if (version !== provenVersion) {
    throw new Error(
      `kafkajs ${String(version)} is installed; the bus is proven with ${provenVersion}`,
    );
  }
  const found: unknown = require(`kafkajs/src/${file}`);
  if (typeof found === 'function') return found;
  throw new Error(`kafkajs ${provenVersion} has no class in ${file}; the bus cannot patch it`);
}

/**
 * Puts a method in place of one that is there.
 * @throws Error when it is not: the patch would do nothing.
 */
export function replaceMethod(holder: unknown, name: string, method: unknown): void {
  if (!isHolder(holder) || typeof memberOf(holder, name) !== 'function') {
    throw new Error(`kafkajs ${provenVersion} has no method ${name}; the bus cannot patch it`);
  }
  Object.defineProperty(holder, name, { value: method, configurable: true, writable: true });
}

/** A member of something whose shape nobody declares. */
export function memberOf(value: unknown, name: string): unknown {
  return isHolder(value) ? Reflect.get(value, name) : undefined;
}

function isHolder(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
