/** A PostgreSQL database, and how to reach it. What is left out comes from libpq's own environment variables and files (PGPASSFILE, PGSSLMODE ...). */
export interface PostgresPlace {
  /** postgres://user@host:port/database */
  url: string;
  password?: string | undefined;
  /** Contents of the files (PEM). Left out: what `sslmode` in the address says. */
  tls?: { ca?: string; cert?: string; key?: string; servername?: string } | undefined;
}
