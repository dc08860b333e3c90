#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { objectionToNode } from './nodeVersion.js';

const built = new URL('../dist/src/cli.js', import.meta.url);
const objection =
  objectionToNode(process.versions.node) ??
  (existsSync(built) ? null : 'Odontoid is not built yet. Run: npm run setup');
if (objection !== null) {
  process.stderr.write(`${objection}\n`);
  process.exit(2);
}
await import(built.href);
