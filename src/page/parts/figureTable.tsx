import type { ComponentChildren } from 'preact';
import { PlainTable } from './plainTable.tsx';

/** A table of figures that scrolls within itself where it is too large. */
export function FigureTable({
  name,
  heads,
  children,
}: {
  name: string;
  heads: readonly ComponentChildren[];
  children: ComponentChildren;
}) {
  return (
    <div class="scroll" role="region" aria-label={name} tabIndex={0}>
      <PlainTable name={name} heads={heads} kind="figures">
        {children}
      </PlainTable>
    </div>
  );
}
