import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askChild, forkBeside } from '../../../src/base/childProcess.ts';

let child: ChildProcess;
beforeEach(() => {
  child = forkBeside(import.meta.url, 'echoChild', { args: ['one'] });
});
afterEach(() => {
  child.kill();
});
const ask = (question: object) => askChild(child, question, (how) => new Error(`ended: ${how}`));

it('asks one question after the other, and leaves no listener behind', async () => {
  expect(await ask({ say: 'a' })).toEqual({ said: 'a', args: ['one'] });
  expect(await ask({ say: 'b' })).toEqual({ said: 'b', args: ['one'] });
  expect([child.listenerCount('message'), child.listenerCount('exit')]).toEqual([0, 0]);
});

it('rejects when the process ends over a question', async () => {
  await expect(ask({ end: 3 })).rejects.toThrow('ended: 3');
});
