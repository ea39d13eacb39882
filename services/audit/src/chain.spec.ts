import { describe, expect, test } from 'vitest';
import { type ChainRow, extend, genesis, type Head, type Link, verify } from './chain.js';

function link(offset: number, overrides: Partial<Link> = {}): Link {
  return {
    topic: 'countersign.calls.v1',
    partition: 0,
    generation: 0,
    offset: String(offset),
    timestampMs: '1764000000000',
    key: 'call-1',
    state: 'kept',
    rawHash: 'a'.repeat(64),
    event: `{"n":${offset}}`,
    ...overrides,
  };
}

const empty: Head = { rows: '0', hash: genesis };

function chain(length = 5): { rows: ChainRow[]; head: Head } {
  const links = Array.from({ length }, (_, index) => link(index * 2));
  const { rows, head } = extend(empty, links);
  return { rows: [...rows], head };
}

describe('chain', () => {
  test('when nothing was touched, then it is intact, also behind an older head', () => {
    const { rows, head } = chain();
    const older = { rows: '3', hash: rows[2]!.hash };

    expect(verify(rows, head)).toEqual({ kind: 'intact', head });
    expect(verify(rows, older)).toEqual({ kind: 'intact', head });
    expect(verify([], empty)).toEqual({ kind: 'intact', head: empty });
  });

  test('when it grows in two steps, then it is the same as in one', () => {
    const links = [link(0), link(1), link(2)];
    const first = extend(empty, links.slice(0, 2));

    const second = extend(first.head, links.slice(2));

    expect([...first.rows, ...second.rows]).toEqual(extend(empty, links).rows);
  });

  test.each([
    ['event', { event: '{"n":99}' }],
    ['event removed', { event: null }],
    ['time', { timestampMs: '1764000000001' }],
    ['key', { key: 'call-2' }],
    ['offset', { offset: '5' }],
    ['raw hash', { rawHash: 'b'.repeat(64) }],
    ['state', { state: 'unreadable' as const }],
    ['partition', { partition: 1 }],
    ['generation', { generation: 1 }],
    ['topic', { topic: 'countersign.calls.v2' }],
  ])('when the %s of a row is changed, then the row is named', (_, change) => {
    const { rows, head } = chain();
    rows[2] = { ...rows[2]!, ...change };

    expect(verify(rows, head)).toEqual({ kind: 'row-changed', position: '3' });
  });

  test('when the bus was replaced, then its offsets may begin anew, and only then', () => {
    const { rows, head } = extend(empty, [link(7), link(0, { generation: 1 })]);
    const misplaced = extend(empty, [link(7), link(0)]);

    expect(verify(rows, head).kind).toBe('intact');
    expect(verify(misplaced.rows, misplaced.head)).toEqual({
      kind: 'row-misplaced',
      position: '2',
    });
  });

  test('when rows are missing, then the first missing one is named', () => {
    const { rows, head } = chain();

    expect(verify(rows.slice(1), head)).toEqual({ kind: 'row-missing', position: '1' });
    expect(verify(rows.toSpliced(2, 1), head)).toEqual({ kind: 'row-missing', position: '3' });
  });

  test('when the last rows were cut off, then the kept head tells', () => {
    const { rows, head } = chain();

    expect(verify(rows.slice(0, -1), head)).toEqual({ kind: 'tail-missing', head });
    expect(verify([], head)).toEqual({ kind: 'tail-missing', head });
  });

  test('when a row was cut out and all after it computed anew, then the kept head tells', () => {
    const { rows, head } = chain();
    const forged = extend(empty, rows.toSpliced(1, 1)).rows;

    expect(verify(forged, head)).toEqual({ kind: 'tail-missing', head });
  });

  test('when a row was changed and all after it computed anew, then the kept head tells', () => {
    const { rows, head } = chain();
    const forged = extend(
      empty,
      rows.map((row, index) => (index === 1 ? { ...row, event: '{}' } : row)),
    ).rows;

    expect(verify(forged, head)).toEqual({ kind: 'head-differs', head });
  });

  test('when two rows were swapped, then the first of them is named', () => {
    const { rows, head } = chain();
    const swapped = rows.with(1, rows[2]!).with(2, rows[1]!);

    expect(verify(swapped, head)).toMatchObject({ kind: 'row-missing', position: '2' });
  });
});
