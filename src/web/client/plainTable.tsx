import type { ComponentChildren } from 'preact';

/** A table: its name for screen readers, its column heads, and rows as children. `kind` is its look: `figures` are closer and aligned to the right. */
export function PlainTable({ name, heads, kind = 'plain', children }: { name: string; heads: readonly ComponentChildren[]; kind?: 'plain' | 'figures'; children: ComponentChildren }) {
  return (
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
}
