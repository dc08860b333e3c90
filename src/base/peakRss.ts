import { readFileSync } from 'node:fs';

/**
 * Most memory that this process has had resident, bytes. On Linux the kernel's figure for the program that runs now: that of getrusage begins with what the
 * parent held when it forked.
 */
export function peakRssBytes(): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (peak !== undefined) return Number(peak) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
