import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';

const CHECK_MS = 250;
const PAGE_BYTES = 4096;

/**
 * Watches the resident memory of a child and calls `onExceeded` once when it is over `limitMb`. A heap limit does not cover buffers and what native code
 * allocates; the resident size does. Linux only; elsewhere nothing is watched. The returned function ends the watch.
 */
export function watchResidentMemory(
  child: ChildProcess,
  limitMb: number,
  clock: Pick<Clock, 'after'>,
  onExceeded: (residentMb: number) => void,
): () => void {
  if (process.platform !== 'linux' || child.pid === undefined) return () => undefined;
  const statm = `/proc/${child.pid}/statm`;
  let cancel: () => void = () => undefined;
  const check = (): void => {
    try {
      const residentMb = (Number(readFileSync(statm, 'ascii').split(' ')[1]) * PAGE_BYTES) / 1024 / 1024;
      if (residentMb > limitMb) {
        onExceeded(Math.round(residentMb));
        return;
      }
    } catch {
      // It has just exited.
      return;
    }
    cancel = clock.after(CHECK_MS, check);
  };
  check();
  return () => cancel();
}
