import type { ComponentChildren } from 'preact';
import './plainTable.css';

/**
 * A table: its name for screen readers, its column headings, and rows as children. `kind` is its look: a `plain` one scrolls sideways where the window
 * is narrower than its text; `figures` are set closer and aligned to the right.
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
  const table = (
    <table class={kind}>
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
