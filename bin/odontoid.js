#!/usr/bin/env node
import { existsSync } from 'node:fs';

const built = new URL('../dist/src/cli.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('Odontoid is not built yet. Run: npm run setup\n');
  process.exit(2);
}
await import(built.href);
