import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Debian's own Python, where python3-pydicom lives. */
const PYTHON = '/usr/bin/python3';

interface Asked {
  resolve: (output: string) => void;
  reject: (error: Error) => void;
}

let interpreter: ChildProcessByStdio<Writable, Readable, null> | null = null;
const asked: Asked[] = [];

/**
 * Runs a Python program that may import pydicom; gives its standard output, or rejects with it where the program fails. One interpreter has pydicom loaded for
 * all tests of a thread, and ends with it; each program runs in a fork of its own.
 */
export function python(program: string, ...args: string[]): Promise<string> {
  interpreter ??= startInterpreter();
  interpreter.stdin.write(`${JSON.stringify([program, args])}\n`);
  return new Promise((resolve, reject) => {
    asked.push({ resolve, reject });
  });
}

function startInterpreter(): NonNullable<typeof interpreter> {
  const child = spawn(PYTHON, [join(import.meta.dirname, 'pythonFork.py')], { stdio: ['pipe', 'pipe', 'ignore'] });
  createInterface(child.stdout).on('line', (line) => {
    const [succeeded, output] = JSON.parse(line) as [boolean, string];
    const { resolve, reject } = asked.shift()!;
    if (succeeded) resolve(output);
    else reject(new Error(`The Python program failed: ${output}`));
  });
  child.on('close', () => {
    interpreter = null;
    for (const { reject } of asked.splice(0)) reject(new Error(`${PYTHON} with python3-pydicom ended.`));
  });
  return child;
}
