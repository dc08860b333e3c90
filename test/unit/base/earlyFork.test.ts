import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askChild, forkBeside } from '../../../src/base/childProcess.ts';
import { createEarlyFork, type EarlyFork } from '../../../src/base/earlyFork.ts';

let forked: ChildProcess[];
let echo: EarlyFork<[memoryMb: number, name: string]>;
beforeEach(() => {
  forked = [];
  echo = createEarlyFork((memoryMb, name) => {
    const child = forkBeside(import.meta.url, 'echoChild', { args: [String(memoryMb), name] });
    forked.push(child);
    return child;
  });
});
afterEach(() => {
  for (const child of forked) child.kill('SIGKILL');
});

const isGone = async (child: ChildProcess): Promise<boolean> => {
  if (child.signalCode === null) await once(child, 'exit');
  return child.signalCode === 'SIGKILL';
};

it('gives the child that was started early, once', async () => {
  echo.start(64, 'one');
  const taken = echo.take(64, 'one');
  expect(forked).toEqual([taken]);
  expect(await askChild(taken, { say: 'a' }, (how) => new Error(how))).toEqual({ said: 'a', args: ['64', 'one'] });
  expect(echo.take(64, 'one')).toBe(forked[1]);
  echo.discard();
  expect(forked.map(({ killed }) => killed)).toEqual([false, false]);
});

it('ends an early child that was started with other arguments, and one that nobody needs', async () => {
  echo.start(64, 'one');
  expect(echo.take(64, 'two').spawnargs).toContain('two');
  expect(await isGone(forked[0]!)).toBe(true);
  echo.start(64, 'three');
  echo.discard();
  expect(await isGone(forked[2]!)).toBe(true);
  expect(forked[1]!.killed).toBe(false);
});

it('starts another one when the early child has died', async () => {
  echo.start(64, 'one');
  forked[0]!.kill('SIGKILL');
  await once(forked[0]!, 'disconnect');
  expect(echo.take(64, 'one')).toBe(forked[1]);
});
