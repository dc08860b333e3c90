import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/worklist/db/database.ts';
import { makeCluster } from './cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the server whose database `worklist` each test copies; not provided where tests run on SQLite. */
    postgresUrl?: string;
  }
}

/** One server for all tests of the project, with a migrated worklist to copy. */
export default async function setUp(project: TestProject): Promise<() => void> {
  const cluster = await makeCluster({ fsync: false });
  const client = new pg.Client(cluster.urlOf('postgres'));
  await client.connect();
  await client.query('create database worklist');
  await client.query('create table free_databases (name text primary key)');
  await client.end();
  await migrate({ url: cluster.urlOf('worklist') });
  project.provide('postgresUrl', cluster.urlOf('postgres'));
  return () => cluster.remove();
}
