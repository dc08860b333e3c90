import { preference } from '../parts/preferences.ts';
import { words } from './worklistWords.ts';

export type ColumnName = keyof typeof words.columns;

/** In the order of `words.columns`. State and patient are always there: without them a row means nothing. */
export const COLUMNS = Object.entries(words.columns).map(([name, title]) => ({ name: name as ColumnName, title }));
export const ALWAYS: readonly ColumnName[] = ['state', 'patient'];

/** The columns that this browser's reader wants to see. */
export function chosenColumns(): ColumnName[] {
  const hidden = preference('hiddenColumns').split(' ');
  return COLUMNS.map(({ name }) => name).filter((name) => ALWAYS.includes(name) || !hidden.includes(name));
}
