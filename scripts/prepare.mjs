// prepare.mjs [--node MAJOR] [deps] [debian] [build] [-- COMMAND ...]: prepares what a script needs, then runs the command.
// First it makes sure of a Node that can run Odontoid: where this one is too old (or is not of MAJOR), a pinned one is fetched, and everything after runs on it.
// Runs on old Nodes: no syntax and no function that Node 12.20 does not have.
import { spawnSync } from 'child_process';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';
import { environmentOfNode, runInPlace } from './runOnNode.mjs';

const STEPS = { deps: 'ensureDeps.mjs', debian: 'ensureDebian.mjs', build: 'build.mjs' };

const scripts = dirname(fileURLToPath(import.meta.url));
const [before, command] = splitAt(process.argv.slice(2), '--');
const environment = environmentOfNode(before[0] === '--node' ? before.splice(0, 2)[1] : undefined);

for (const step of before) {
  if (!(step in STEPS)) {
    console.error(`prepare.mjs knows no step "${step}". Steps: ${Object.keys(STEPS).join(', ')}`);
    process.exit(2);
  }
  const result = spawnSync('node', [join(scripts, STEPS[step])], { stdio: ['inherit', 2, 2], env: environment });
  if (result.status !== 0) process.exit(result.status || 1);
}
if (command.length > 0) runInPlace(command, environment);

function splitAt(words, mark) {
  const at = words.indexOf(mark);
  return at < 0 ? [words, []] : [words.slice(0, at), words.slice(at + 1)];
}
