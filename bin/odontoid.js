#!/usr/bin/env node
// Starts on old Nodes, too, to say what they lack: no syntax and no function that Node 12.20 does not have.
import { existsSync } from 'fs';
import { fileURLToPath } from 'url';
import { objectionToNode } from './nodeVersion.js';

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
