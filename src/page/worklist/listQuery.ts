import { withFormat } from '../parts/formatCharacters.ts';

/** What the reader has asked the list for. */
export interface ListQuery {
  show: 'all' | 'flagged' | 'unflagged' | 'unscored';
  search: string;
  location: string;
  read: boolean;
}

/** Some rows of a list. */
export interface PartOfList extends ListQuery {
  /** Of an earlier answer, for the same cases in the same places; null for the list as it is now. */
  list: string | null;
  offset: number;
  limit: number;
  masked: boolean;
}

export const EVERYTHING: ListQuery = { show: 'all', search: '', location: '', read: false };
export const SHOWS = ['all', 'flagged', 'unscored', 'unflagged'] as const;

/** Rows are asked for by pages of this many. */
const PAGE_ROWS = 100;
const MOST_ROWS = 400;

/** Places of the first and the last row in sight. */
export interface Span {
  first: number;
  last: number;
}

/** The first row of the page that holds a place. */
export const pageBegin = (place: number): number => Math.floor(place / PAGE_ROWS) * PAGE_ROWS;

/** The whole pages that hold what is in sight. */
export function pagesAround({ first, last }: Span): { offset: number; limit: number } {
  const offset = pageBegin(first);
  return { offset, limit: Math.min(MOST_ROWS, pageBegin(last) + PAGE_ROWS - offset) };
}

/** Whether the reader sees some of the scans only. */
export function isNarrowed({ show, search, location }: ListQuery): boolean {
  return show !== 'all' || search !== '' || location !== '';
}

/** A part as the address of the API has it. */
export function searchParamsOf({ list, ...part }: PartOfList): URLSearchParams {
  const query = new URLSearchParams(Object.entries(part).map(([name, value]) => [name, withFormat(String(value))]));
  if (list !== null) query.set('list', list);
  return query;
}
