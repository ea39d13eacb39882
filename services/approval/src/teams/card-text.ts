import { bracesApart, visibleLine, visibleLines } from '../visible-text.js';

/** An element of an Adaptive Card as plain JSON. */
export interface CardElement {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** How a piece of text looks. */
export interface RunStyle {
  readonly weight?: 'Bolder';
  readonly size?: 'Large' | 'Small';
  readonly color?: 'Good' | 'Warning' | 'Attention';
  readonly isSubtle?: boolean;
  readonly fontType?: 'Monospace';
}

/** A piece of hostile text, at most so many code points long. */
export interface Piece {
  readonly text: string;
  readonly max: number;
}

/** Hostile text as pieces without markup: TextRuns alone, none of which holds `{{`. */
export function runs(text: string, style: RunStyle = {}): CardElement[] {
  return bracesApart(text).map((each) => ({ type: 'TextRun', text: each, ...style }));
}

/** A line of runs. */
export function line(inlines: readonly CardElement[], spacing?: 'None' | 'Medium'): CardElement {
  return { type: 'RichTextBlock', inlines, ...(spacing === undefined ? {} : { spacing }) };
}

/** Hostile text on one line, as runs. */
export function words({ max, text }: Piece, style: RunStyle = {}): CardElement[] {
  return runs(visibleLine(text, max), style);
}

/** A constant label and a hostile value behind it. */
export function row(label: string, value: string, max: number, style: RunStyle = {}): CardElement {
  return line([labelRun(label), ...words({ text: value, max }, style)], 'None');
}

/** The label of a row. */
export function labelRun(label: string): CardElement {
  return { type: 'TextRun', text: `${label}: `, isSubtle: true };
}

/** Rows in small print. */
export function smallPrint(rows: readonly (readonly [string, string, number])[]): CardElement {
  const small = { size: 'Small', isSubtle: true } as const;
  return group(
    rows.map(([label, text, max]) =>
      line([...runs(`${label}: `, small), ...words({ text, max }, small)], 'None'),
    ),
  );
}

/** Several hostile lines in a box of their own, so that none of them can pass for one of ours. */
export function box(
  label: string,
  text: string,
  limits: { readonly maxCodePoints: number; readonly maxLines: number },
  style: RunStyle = {},
): CardElement {
  const lines = visibleLines(text, limits);
  return {
    type: 'Container',
    style: 'emphasis',
    spacing: 'Medium',
    items: [
      line([{ type: 'TextRun', text: label, weight: 'Bolder' }]),
      // An empty line keeps its height.
      ...lines.map((each) => line(runs(each === '' ? ' ' : each, style), 'None')),
    ],
  };
}

/** Rows that stand together, a little apart from what is above. */
export function group(items: readonly CardElement[]): CardElement {
  return { type: 'Container', spacing: 'Medium', items };
}

/** `2026-11-23 10:00:00 UTC`. */
export function utc(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `30 minutes`, `2 hours`, `90 seconds`: exactly, never rounded. */
export function duration(seconds: number): string {
  const [unit, size] =
    seconds % 3600 === 0 ? ['hour', 3600] : seconds % 60 === 0 ? ['minute', 60] : ['second', 1];
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
