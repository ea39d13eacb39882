import { InvalidArgumentError } from 'commander';

const secondsOf = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
]);

/** `30m`, `90s`, `2h`, `1d`: seconds. @throws InvalidArgumentError */
export function duration(text: string): number {
  const [, number, unit] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (secondsOf.get(unit ?? '') ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('Write a number and s, m, h or d, such as 30m.');
}

/** A number of calls. @throws InvalidArgumentError */
export function count(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a number, such as 10.');
}
