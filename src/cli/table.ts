export interface TableLayout {
  /** Width of the terminal. Absent: not a terminal, any width will do. */
  readonly columns?: number | undefined;
}

const gap = 3;

/**
 * Columns as kubectl prints them: upper-case headings, three spaces between, no borders, no trailing blanks. Where the
 * terminal is too narrow, each row becomes a block of `HEADING   value` lines, as psql's expanded display: lines that the
 * terminal breaks cannot be read as a table.
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { columns }: TableLayout = {},
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const tableWidth = widths.reduce((sum, width) => sum + width + gap, -gap);
  if (columns !== undefined && columns < tableWidth) return formatBlocks(headings, rows);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + gap)))
      .join('')
      .trimEnd();
  return [line(headings), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

function formatBlocks(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = Math.max(...headings.map((heading) => heading.length)) + gap;
  return rows
    .map((row) =>
      headings.map((heading, column) => `${heading.padEnd(width)}${row[column] ?? ''}`.trimEnd() + '\n').join(''),
    )
    .join('\n');
}
