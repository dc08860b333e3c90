import type { ComponentChildren } from 'preact';

/** A table of an admin page: its name for screen readers, its column heads, and rows as children. */
export function PlainTable({ name, heads, children }: { name: string; heads: readonly string[]; children: ComponentChildren }) {
  return (
    <table class="plain">
      <caption class="unseen">{name}</caption>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
