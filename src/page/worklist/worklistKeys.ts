import type { RefObject } from 'preact';
import type { KeyBinding } from '../parts/keys.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import type { Rows } from './useRows.ts';
import { words } from './worklistWords.ts';

interface Acts {
  claim: (row: WorklistRow) => void;
  read: (row: WorklistRow) => void;
  view: (row: WorklistRow) => void;
  update: () => void;
  search: RefObject<HTMLElement | null>;
  choice: RefObject<HTMLElement | null>;
}

/** The keys of the list; all act on the focused scan. */
export function worklistKeys(rows: Rows, { claim, read, view, update, search, choice }: Acts): KeyBinding[] {
  const { keys } = words;
  const onFocused = (act: (row: WorklistRow) => void) => () => {
    const row = rows.focusedRow();
    if (row !== undefined) act(row);
  };
  const focus = (field: RefObject<HTMLElement | null>) => (event: KeyboardEvent) => {
    event.preventDefault();
    field.current?.focus();
  };
  return [
    { keys: ['j', 'ArrowDown'], shown: 'J', does: keys.next, repeats: true, run: rows.step(1) },
    { keys: ['k', 'ArrowUp'], shown: 'K', does: keys.previous, repeats: true, run: rows.step(-1) },
    { keys: [], shown: 'Enter', does: keys.open, run: () => undefined },
    { keys: ['a'], shown: 'A', does: keys.claim, run: onFocused(claim) },
    { keys: ['r'], shown: 'R', does: keys.read, run: onFocused(read) },
    { keys: ['v'], shown: 'V', does: keys.viewer, run: onFocused(view) },
    { keys: ['.'], shown: '.', does: keys.update, run: update },
    { keys: ['/'], shown: '/', does: keys.search, run: focus(search) },
    { keys: ['f'], shown: 'F', does: keys.filter, run: focus(choice) },
    { keys: ['Escape'], shown: 'Esc', does: keys.leave, run: rows.leave },
  ];
}
