import type { ComponentChildren } from 'preact';

/** A table of figures that scrolls by itself where it is too large: its name for screen readers, its column heads, and rows as children. */
export function FigureTable({ name, heads, children }: { name: string; heads: readonly ComponentChildren[]; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={name} tabIndex={0}>
      <table class="figures">
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
    </div>
  );
}
