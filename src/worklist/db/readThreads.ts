import type { Worker } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteDialect,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely';
import { startThreadBeside } from '../../base/childProcess.ts';
import { systemClock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';

export interface ReadThreadSetup {
  path: string;
  busyTimeoutMs: number;
}

export interface ToReadThread {
  id: number;
  sql: string;
  parameters: readonly unknown[];
}

export interface FromReadThread {
  id: number;
  rows?: unknown[];
  error?: { message: string; code: string | null };
}

/** Two, so that one long answer (a search, figures) does not hold up the others. */
const THREADS = 2;
/** A thread takes 11 MiB: the second one is started when an answer has held up another for so long. */
const PATIENCE_MS = 20;

/** Reads on threads with read-only handles of their own: however long a query takes or waits for a lock, the event loop of the agent goes on. */
export class ReadThreadsDialect extends SqliteDialect {
  readonly #setup: ReadThreadSetup;

  constructor(setup: ReadThreadSetup) {
    // The threads open their own handles; this one is never asked for.
    super({ database: () => Promise.reject(new Error('reads have no handle in this thread')) });
    this.#setup = setup;
  }

  override createDriver(): Driver {
    return new ReadThreadsDriver(this.#setup);
  }

  override createAdapter(): ReadThreadsAdapter {
    return new ReadThreadsAdapter();
  }
}

/** Kysely gives a SQLite dialect one connection at a time, because it usually has one handle. */
class ReadThreadsAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class ReadThreadsDriver implements Driver {
  readonly #setup: ReadThreadSetup;
  readonly #all = new Set<ReadThread>();
  #idle: ReadThread[] = [];
  readonly #waiting: ((thread: ReadThread) => void)[] = [];
  #stopGrowing: (() => void) | undefined;

  constructor(setup: ReadThreadSetup) {
    this.#setup = setup;
  }

  init(): Promise<void> {
    this.#idle.push(this.#start());
    return Promise.resolve();
  }

  #start(): ReadThread {
    const thread = new ReadThread(this.#setup);
    this.#all.add(thread);
    return thread;
  }

  acquireConnection(): Promise<DatabaseConnection> {
    const thread = this.#idle.pop();
    if (thread !== undefined) return Promise.resolve(thread);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#all.size < THREADS) this.#stopGrowing ??= systemClock.after(PATIENCE_MS, () => this.#grow());
    });
  }

  /** Starts one more thread for whoever still waits. */
  #grow(): void {
    this.#stopGrowing = undefined;
    const next = this.#all.size < THREADS ? this.#waiting.shift() : undefined;
    next?.(this.#start());
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    let thread = [...this.#all].find((one) => one === connection) ?? this.#start();
    if (thread.isLost) {
      this.#all.delete(thread);
      thread = this.#start();
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(thread);
    else next(thread);
    return Promise.resolve();
  }

  async destroy(): Promise<void> {
    this.#stopGrowing?.();
    await Promise.all([...this.#all].map((thread) => thread.close()));
    this.#all.clear();
    this.#idle = [];
  }
}

interface Asked {
  resolve: (rows: unknown[]) => void;
  reject: (error: Error) => void;
}

class ReadThread implements DatabaseConnection {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #nextId = 1;
  #isLost = false;

  constructor(setup: ReadThreadSetup) {
    this.#worker = startThreadBeside(import.meta.url, 'readThread', setup);
    this.#worker.on('message', ({ id, rows, error }: FromReadThread) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(rows ?? []);
      else if (error.code === null) asked?.reject(new Error(error.message));
      else asked?.reject(new BetterSqlite3.SqliteError(error.message, error.code));
    });
    this.#worker.on('error', (error) => this.#lose(error.message));
    this.#worker.on('exit', (code) => this.#lose(`exit code ${code}`));
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#isLost) throw lost('it has ended');
    const id = this.#nextId++;
    const rows = await new Promise<unknown[]>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ id, sql, parameters } satisfies ToReadThread);
    });
    return { rows: rows as R[] };
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Answers of the reading threads are not streamed.');
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #lose(how: string): void {
    this.#isLost = true;
    for (const { reject } of this.#asked.values()) reject(lost(how));
    this.#asked.clear();
  }
}

function lost(how: string): TriageError {
  return new TriageError('database-busy', `A thread that reads the database was lost (${how}); ask again.`);
}
