import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Signer, Verifier } from './countersignature.js';
import { callDigest, CanonicalError, canonicalJson } from './digest.js';
import { newSealKey, newSigningKey } from './keys.js';
import { Sealer, SealBrokenError } from './seal.js';

const key = newSigningKey();
const signer = new Signer(key.privateKey);
const verifier = new Verifier(key.publicKey);
const statement = { callId: 'a', digest: 'b', nested: { list: [1, 2], text: 'ü' } };

describe('signatures', () => {
  test('when a statement is unchanged, whatever the order of its members, then it verifies', async () => {
    const signature = signer.sign('verdict', statement);
    const reordered = { nested: { text: 'ü', list: [1, 2] }, digest: 'b', callId: 'a' };

    expect(await verifier.verify('verdict', reordered, signature)).toBe(true);
  });

  test.each<[string, object]>([
    ['a value', { ...statement, callId: 'x' }],
    ['an added member', { ...statement, extra: 1 }],
    ['a missing member', { callId: 'a', digest: 'b' }],
    ['the order of a list', { ...statement, nested: { list: [2, 1], text: 'ü' } }],
  ])('when %s differs, then it does not verify', async (_, changed) => {
    expect(await verifier.verify('verdict', changed, signer.sign('verdict', statement))).toBe(
      false,
    );
  });

  test('when it was signed for another purpose or by another key, then it does not verify', async () => {
    const other = new Signer(newSigningKey().privateKey);

    expect(await verifier.verify('approval', statement, signer.sign('verdict', statement))).toBe(
      false,
    );
    expect(await verifier.verify('verdict', statement, other.sign('verdict', statement))).toBe(
      false,
    );
    expect(await verifier.verify('verdict', statement, '')).toBe(false);
    expect(await verifier.verify('verdict', statement, 'no signature')).toBe(false);
  });

  test('when a key is of another kind, then it is refused at once', () => {
    expect(() => new Verifier('nonsense')).toThrow();
    expect(() => new Signer(key.publicKey)).toThrow();
  });
});

describe('seals', () => {
  const secret = newSealKey();
  const sealer = new Sealer(secret, 'answers');

  test('when any text is sealed, then only the same key, purpose and context open it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        (text) => {
          expect(sealer.open(sealer.seal(text, 'call/0'), 'call/0')).toBe(text);
        },
      ),
    );
    const sealed = sealer.seal('text', 'call/0');
    expect(() => sealer.open(sealed, 'call/1')).toThrow(SealBrokenError);
    expect(() => new Sealer(newSealKey(), 'answers').open(sealed, 'call/0')).toThrow(
      SealBrokenError,
    );
    expect(() => new Sealer(secret, 'arguments').open(sealed, 'call/0')).toThrow(SealBrokenError);
  });

  test('when a byte is changed or cut off, then it does not open', () => {
    const bytes = Buffer.from(sealer.seal('text', 'c'), 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => sealer.open(changed.toString('base64url'), 'c')).toThrow(SealBrokenError);
    }
    expect(() => sealer.open(bytes.subarray(0, 10).toString('base64url'), 'c')).toThrow(
      SealBrokenError,
    );
  });

  test('when the same text is sealed twice, then nobody can tell', () => {
    expect(sealer.seal('text', 'c')).not.toBe(sealer.seal('text', 'c'));
  });

  test('when a key is too short, then it is refused, and the message does not hold it', () => {
    expect(() => new Sealer('c2hvcnQ=', 'session')).toThrow(
      'the session key must be 32 bytes, base64',
    );
  });
});

describe('digests', () => {
  const asked = {
    protocol: 'mcp',
    server: 's',
    method: 'tools/call',
    resource: 'r',
    kind: 'statement' as const,
    arguments: { b: 1, a: [1, 2] },
    extras: {},
    facts: { action: 'read' },
  };

  test('when members are reordered, then the digest is the same; when a value changes, it is not', () => {
    expect(callDigest({ ...asked, arguments: { a: [1, 2], b: 1 } })).toBe(callDigest(asked));
    expect(callDigest({ ...asked, arguments: { a: [2, 1], b: 1 } })).not.toBe(callDigest(asked));
    expect(callDigest({ ...asked, kind: 'session' })).not.toBe(callDigest(asked));
  });

  test.each([
    ['the protocol', { protocol: 'ssh' }],
    ['the server', { server: 's2' }],
    ['the method', { method: 'prompts/get' }],
    ['the resource', { resource: 'r2' }],
    ['the arguments', { arguments: { b: 2, a: [1, 2] } }],
    ['what goes along', { extras: { meta: 1 } }],
    ['the facts', { facts: { action: 'write' } }],
  ])('when %s changes, then the digest changes', (_, change) => {
    expect(callDigest({ ...asked, ...change })).not.toBe(callDigest(asked));
  });

  test('when other members stand beside what is asked, then they change nothing', () => {
    expect(callDigest(Object.assign({ principal: 'x' }, asked))).toBe(callDigest(asked));
  });

  test('when a value is no JSON, then it is refused', () => {
    expect(() => canonicalJson(undefined)).toThrow(CanonicalError);
    expect(() => canonicalJson(Number.NaN)).toThrow();
  });
});

test('when a sealed text has another encoding of the same bytes, then it does not open', () => {
  const sealer = new Sealer(newSealKey(), 'session');
  for (let length = 0; length < 4; length += 1) {
    const sealed = sealer.seal('x'.repeat(length), 'ada');
    expect(sealer.open(sealed, 'ada')).toBe('x'.repeat(length));
    for (const other of [
      `${sealed}x`,
      `${sealed}=`,
      ` ${sealed}`,
      sealed.replace(/^(.)/, '$1\n'),
    ]) {
      expect(() => sealer.open(other, 'ada')).toThrow(SealBrokenError);
    }
  }
});

describe('names that are sealed', () => {
  const sealer = new Sealer(newSealKey(), 'session');

  test('when the same text is sealed for the same place, then the name is the same, and opens', () => {
    const name = sealer.sealSame('task-1', 'ada');

    expect(sealer.sealSame('task-1', 'ada')).toBe(name);
    expect(sealer.open(name, 'ada')).toBe('task-1');
  });

  test('when text, place or key differ, then the name does, and its IV', () => {
    const names = [
      sealer.sealSame('task-1', 'ada'),
      sealer.sealSame('task-2', 'ada'),
      sealer.sealSame('task-1', 'eve'),
      new Sealer(newSealKey(), 'session').sealSame('task-1', 'ada'),
    ];

    expect(new Set(names.map((name) => name.slice(0, 16))).size).toBe(4);
  });
});
