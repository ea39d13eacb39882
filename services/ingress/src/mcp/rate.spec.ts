import { expect, test } from 'vitest';
import { Rates } from './rate.js';

test('when a second’s permits are used up, then the next one comes when its share of time has passed', () => {
  const rates = new Rates();
  for (let n = 0; n < 10; n += 1) expect(rates.take('ada', 10, 0)).toBe(0);

  expect(rates.take('ada', 10, 0)).toBe(100);
  expect(rates.take('ada', 10, 60)).toBe(40);
  expect(rates.take('ada', 10, 100)).toBe(0);
  expect(rates.take('ada', 10, 100)).toBe(100);
});

test('when one has used up its permits, then nobody else is slowed', () => {
  const rates = new Rates();
  rates.take('ada', 1, 0);

  expect(rates.take('ada', 1, 0)).toBeGreaterThan(0);
  expect(rates.take('eve', 1, 0)).toBe(0);
});

test('when nobody asks for long, then no more than a second’s permits have gathered', () => {
  const rates = new Rates();
  rates.take('ada', 2, 0);

  expect([1, 2, 3].map(() => rates.take('ada', 2, 1_000_000))).toEqual([0, 0, 500]);
});

test('when the clock is set back, then nothing is given away', () => {
  const rates = new Rates();
  rates.take('ada', 1, 1000);

  expect(rates.take('ada', 1, 0)).toBe(1000);
});
