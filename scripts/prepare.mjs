// prepare.mjs [--node MAJOR] [deps] [debian] [build] [-- COMMAND ...]: makes ready what a script needs, then runs the command.
// First of all a Node that can run Odontoid: where this one is too old (or is not of MAJOR), a pinned one is fetched, and all that follows runs on it.
// Runs on old Nodes: no syntax and no function that Node 12.20 does not have.
import { spawn, spawnSync } from 'child_process';
import { delimiter, dirname, join } from 'path';
import { fileURLToPath } from 'url';
import { objectionToNode } from '../bin/nodeVersion.js';
import { fetchNode } from './fetchNode.mjs';

const STEPS = { deps: 'ensureDeps.mjs', debian: 'ensureDebian.mjs', build: 'build.mjs' };

const scripts = dirname(fileURLToPath(import.meta.url));
const [before, command] = splitAt(process.argv.slice(2), '--');
const major = before[0] === '--node' ? before.splice(0, 2)[1] : undefined;
const environment = environmentOfNode(major);

for (const step of before) {
  if (!(step in STEPS)) end(2, `prepare.mjs knows no step "${step}". Steps: ${Object.keys(STEPS).join(', ')}`);
  const result = spawnSync('node', [join(scripts, STEPS[step])], { stdio: ['inherit', 2, 2], env: environment });
  if (result.status !== 0) end(result.status || 1, result.error && result.error.message);
}
if (command.length > 0) run(command);

function environmentOfNode(wanted) {
  const { node } = process.versions;
  const objection =
    objectionToNode(node) || (wanted && !node.startsWith(`${wanted}.`) ? `This is Node ${node}.` : null);
  if (objection === null) return process.env;
  const bin = fetchNode(wanted, objection.replace(/ Install .*/, ''));
  return Object.assign({}, process.env, {
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    NODE: join(bin, 'node'),
    npm_node_execpath: join(bin, 'node'),
    npm_execpath: join(bin, 'npm'),
  });
}

/** Runs it as if it stood in the place of this process: its output, its signals, its end. */
function run([name, ...args]) {
  const child = spawn(name, args, { stdio: 'inherit', env: environment, shell: process.platform === 'win32' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C in a terminal reaches the child, too, and a second one would end it at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => end(1, error.message));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function splitAt(words, mark) {
  const at = words.indexOf(mark);
  return at < 0 ? [words, []] : [words.slice(0, at), words.slice(at + 1)];
}

function end(code, sentence) {
  if (sentence) console.error(sentence);
  process.exit(code);
}
