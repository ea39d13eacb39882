/** A table row: its first cell's code spans name what the row is about. */
export interface Row {
  readonly names: readonly string[];
  readonly cells: readonly string[];
}

/** Every row of every table in a document; escaped bars are bars. */
export function rowsIn(document: string): Row[] {
  return document
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => {
      const cells = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|'));
      const names = [...(cells[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
      return { names, cells };
    });
}
