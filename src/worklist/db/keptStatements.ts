import type BetterSqlite3 from 'better-sqlite3';

const MOST_KEPT_STATEMENTS = 300;

/** Prepared statements by their text, so that recording thousands of slices does not parse the same SQL each time. */
export function keepingStatements(sqlite: BetterSqlite3.Database): (sql: string) => BetterSqlite3.Statement {
  const kept = new Map<string, BetterSqlite3.Statement>();
  return (sql) => {
    const known = kept.get(sql);
    if (known !== undefined) return known;
    const statement = sqlite.prepare(sql);
    // Lists of each length produce their own SQL text: above a limit the cache is cleared, and statements in use are prepared again.
    if (kept.size >= MOST_KEPT_STATEMENTS) kept.clear();
    kept.set(sql, statement);
    return statement;
  };
}
