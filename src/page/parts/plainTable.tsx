import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import './plainTable.css';

/**
 * A table: its name for screen readers, its column headings, and rows as children. `kind` is its look: a `plain` one scrolls sideways where the window
 * is narrower than its text, and on a phone each of its rows is a list of names and values; `figures` are set closer and aligned to the right.
 */
export function PlainTable({
  name,
  heads,
  kind = 'plain',
  children,
}: {
  name: string;
  heads: readonly ComponentChildren[];
  kind?: 'plain' | 'figures';
  children: ComponentChildren;
}) {
  const drawn = useRef<HTMLTableElement>(null);
  // After every drawing: a row that stands alone says of each value what it is.
  useLayoutEffect(() => {
    if (drawn.current !== null && kind === 'plain') nameCells(drawn.current);
  });
  const table = (
    <table class={kind} ref={drawn}>
      <caption class="unseen">{name}</caption>
      <thead>
        <tr>
          {heads.map((head, index) => (
            <th key={index} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
  return kind === 'figures' ? (
    table
  ) : (
    <div class="sideways" tabIndex={0} role="region" aria-label={name}>
      {table}
    </div>
  );
}

/** Gives each cell the heading of its column, for the style sheet. */
function nameCells({ tHead, tBodies }: HTMLTableElement): void {
  const heads = [...(tHead?.rows[0]?.cells ?? [])].map(({ textContent }) => textContent);
  for (const { rows } of tBodies)
    for (const { cells } of rows) {
      let column = 0;
      for (const cell of cells) {
        if (cell.tagName === 'TD' && cell.colSpan === 1) cell.dataset['head'] = heads[column] ?? '';
        column += cell.colSpan;
      }
    }
}
