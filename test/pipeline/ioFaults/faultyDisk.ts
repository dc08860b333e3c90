import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A folder whose disk fails once, at an operation that a test chooses, for processes that are started by `node`. */
export interface FaultyDisk {
  root: string;
  /** A Node under which the fault comes. */
  node: string;
  /** The `operations`-th operation from now fails; 0: none does. */
  arm(operations: number): void;
  /** Operations so far. */
  count(): number;
  /** Whether the fault has still to come. */
  isArmed(): boolean;
}

/** Compiles the library of `failOnce.c` into `folder`. `preload` is another library for those processes, with what it wants in the environment. */
export async function faultyDisk(
  folder: string,
  preload = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<FaultyDisk> {
  const [root, library, shared, node] = ['disk', 'failOnce.so', 'fault', 'node'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  await mkdir(root);
  await promisify(execFile)('gcc', ['-O2', '-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'failOnce.c')]);
  writeFileSync(shared, Buffer.alloc(8));
  // Not by the environment of the agent: its receiver does not get that.
  const more = Object.entries(environment).map(([name, value]) => `${name}='${value}' `);
  await writeFile(
    node,
    `#!/bin/sh\n${more.join('')}LD_PRELOAD='${library} ${preload}' FAULT_ROOT='${root}' FAULT_FILE='${shared}' exec '${process.execPath}' "$@"\n`,
  );
  await chmod(node, 0o755);
  const number = (at: number): number => {
    const file = openSync(shared, 'r');
    const bytes = Buffer.alloc(4);
    readSync(file, bytes, 0, 4, at);
    closeSync(file);
    return endianness() === 'LE' ? bytes.readInt32LE() : bytes.readInt32BE();
  };
  return {
    root,
    node,
    arm: (operations) => {
      const bytes = new Int32Array([operations]);
      const file = openSync(shared, 'r+');
      writeSync(file, new Uint8Array(bytes.buffer), 0, 4, 0);
      closeSync(file);
    },
    count: () => number(4),
    isArmed: () => number(0) > 0,
  };
}
