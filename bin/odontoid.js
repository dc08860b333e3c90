#!/usr/bin/env node
// Starts on old Nodes, too, to say what they lack: no syntax and no function that Node 12.20 does not have.
import { existsSync } from 'fs';
import { fileURLToPath } from 'url';
import { setFlagsFromString } from 'v8';
import { objectionToNode } from './nodeVersion.js';

// The agent runs for months: where V8's young generation stays small, garbage is collected soon, and 50 MiB less are kept. It must be said before V8's heap
// has grown.
if (process.argv[2] === 'serve') setFlagsFromString('--semi-space-growth-factor=1');

const built = new URL('../dist/src/cli.js', import.meta.url);
/** In a checkout only: runs a command on a Node that is fetched. */
const otherNode = new URL('../scripts/runOnNode.mjs', import.meta.url);
const objection = objectionToNode(process.versions.node);

if (!existsSync(built)) refuse('Odontoid is not built yet. Run: npm run setup');
else if (objection === null) import(built.href);
else if (!existsSync(otherNode)) refuse(objection);
else
  import(otherNode.href).then(({ environmentOfNode, runInPlace }) =>
    runInPlace(['node', fileURLToPath(import.meta.url), ...process.argv.slice(2)], environmentOfNode()),
  );

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 2;
}
