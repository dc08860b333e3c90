import type BetterSqlite3 from 'better-sqlite3';

/** The index holds every run of so many characters; shorter words are not in it. */
export const LEAST_INDEXED = 3;
const ROWS_TO_CHECK = 50;

/**
 * Rebuilds the search index where it does not find the newest cases. The index refers to rows by their `rowid`, which tools that write a
 * table anew (a recovery, a dump read back, perhaps a vacuum) renumber: each search would then find other cases than were meant.
 *
 * @returns whether it was rebuilt
 */
export function mendSearchIndex(sqlite: BetterSqlite3.Database): boolean {
  const newest = sqlite
    .prepare<[number], { rowid: number; words: string }>(
      `select rowid, patient_id || char(10) || patient_name || char(10) || accession_number as words
       from cases order by rowid desc limit ?`,
    )
    .all(ROWS_TO_CHECK);
  // FTS5 takes no notice of a rowid that is not bound as an integer.
  const find = sqlite.prepare('select 1 from case_words where case_words match ? and rowid = cast(? as integer)');
  const isFound = ({ rowid, words }: (typeof newest)[number]) =>
    words
      .split('\n')
      .filter((word) => Array.from(word).length >= LEAST_INDEXED)
      .every((word) => find.get(`"${word.replaceAll('"', '""')}"`, rowid) !== undefined);
  if (newest.every(isFound)) return false;
  sqlite.exec("insert into case_words (case_words) values ('rebuild')");
  return true;
}
