import { preference } from '../parts/preferences.ts';
import { words } from './worklistWords.ts';

export type ColumnName = keyof typeof words.columns;

/** In the order of `words.columns`. State and patient are always shown: without them a row is meaningless. */
export const COLUMNS = Object.entries(words.columns).map(([name, title]) => ({ name: name as ColumnName, title }));
export const ALWAYS: readonly ColumnName[] = ['state', 'patient'];

/** The columns chosen in this browser. */
export function chosenColumns(): ColumnName[] {
  const hidden = preference('hiddenColumns').split(' ');
  return COLUMNS.map(({ name }) => name).filter((name) => ALWAYS.includes(name) || !hidden.includes(name));
}
