// What Linux says of a process: CPU time so far and peak of resident memory; and the processes below one.
import { readFileSync } from 'node:fs';

export interface ProcessFacts {
  /** User and system time of all its threads so far, to 10 ms. */
  cpuMs: number;
  peakResidentMib: number;
}

const TICK_MS = 10;

export function processFacts(pid: number): ProcessFacts {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  const [, peakKib = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return {
    // utime and stime (proc_pid_stat(5), fields 14 and 15).
    cpuMs: (Number(afterName[11]) + Number(afterName[12])) * TICK_MS,
    peakResidentMib: Number(peakKib) / 1024,
  };
}

/** Pid of the child of `parent`, at any depth, whose command line names this module. @throws Error when there is none */
export function childNamed(module: string, parent: number = process.pid): number {
  const found = findBelow(parent, module);
  if (found === null) throw new Error(`No process below ${parent} runs ${module}.`);
  return found;
}

function findBelow(parent: number, module: string): number | null {
  for (const pid of readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean)) {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(module)) return Number(pid);
    const below = findBelow(Number(pid), module);
    if (below !== null) return below;
  }
  return null;
}
