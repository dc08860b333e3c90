import { withFormat } from '../parts/formatCharacters.ts';

/** The reader's filters for the list. */
export interface ListQuery {
  show: 'all' | 'flagged' | 'unflagged' | 'unscored';
  search: string;
  location: string;
  read: boolean;
}

/** Some rows of a list. */
export interface PartOfList extends ListQuery {
  /** The list of an earlier answer, for the same cases in the same places; null for the list as it is now. */
  list: string | null;
  offset: number;
  limit: number;
  masked: boolean;
}

export const EVERYTHING: ListQuery = { show: 'all', search: '', location: '', read: false };
export const SHOWS = ['all', 'flagged', 'unscored', 'unflagged'] as const;

/** Rows are requested in pages of this size. */
const PAGE_ROWS = 100;
const MOST_ROWS = 400;

/** Positions of the first and the last visible row. */
export interface Span {
  first: number;
  last: number;
}

/** The first row of the page that contains a position. */
export const pageBegin = (place: number): number => Math.floor(place / PAGE_ROWS) * PAGE_ROWS;

/** The whole pages that contain the visible rows. */
export function pagesAround({ first, last }: Span): { offset: number; limit: number } {
  const offset = pageBegin(first);
  return { offset, limit: Math.min(MOST_ROWS, pageBegin(last) + PAGE_ROWS - offset) };
}

/** Whether the filters hide some of the scans. */
export function isNarrowed({ show, search, location }: ListQuery): boolean {
  return show !== 'all' || search !== '' || location !== '';
}

/** The part as a URL query of the API. */
export function searchParamsOf({ list, ...part }: PartOfList): URLSearchParams {
  const query = new URLSearchParams(Object.entries(part).map(([name, value]) => [name, withFormat(String(value))]));
  if (list !== null) query.set('list', list);
  return query;
}
