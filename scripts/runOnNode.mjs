// Runs a command on a Node that can run Odontoid: this one, or a pinned one that is fetched.
// Runs on old Nodes: no syntax and no function that Node 12.20 does not have.
import { spawn } from 'child_process';
import { delimiter, join } from 'path';
import { objectionToNode } from '../bin/nodeVersion.js';
import { fetchNode } from './fetchNode.mjs';

/** An environment in which `node` and `npm` are those of a supported Node, of this major where one is given. */
export function environmentOfNode(major) {
  const { node } = process.versions;
  const objection = objectionToNode(node) || (major && !node.startsWith(`${major}.`) ? `This is Node ${node}.` : null);
  if (objection === null) return process.env;
  const bin = fetchNode(major, objection.replace(/ Install .*/, ''));
  return Object.assign({}, process.env, {
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    NODE: join(bin, 'node'),
    npm_node_execpath: join(bin, 'node'),
    npm_execpath: join(bin, 'npm'),
  });
}

/** Runs the command as if it replaced this process: passes on output, signals and exit status. */
export function runInPlace([name, ...args], environment) {
  const child = spawn(name, args, { stdio: 'inherit', env: environment, shell: process.platform === 'win32' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C in a terminal reaches the child, too, and a second one would end it at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
