import type { CaseAnswer } from '../../answers/caseAnswer.ts';
import { caseWords } from './caseWords.ts';

export interface TimelineStep {
  name: string;
  atMs: number;
  /** Time since the step before; null for the first. */
  afterMs: number | null;
}

/** The completed steps from the first slice to the receipt, for the current revision. */
export function timelineOf({ row, events }: Pick<CaseAnswer, 'row' | 'events'>): TimelineStep[] {
  const { steps } = caseWords;
  const present = events.filter((event) => event.revision === row.revision);
  const at = (type: string) => present.findLast((event) => event.type === type)?.atMs ?? null;
  const times = (of: 'sentAtMs' | 'confirmedAtMs') => row.deliveries.flatMap((delivery) => delivery[of] ?? []);
  const sent = times('sentAtMs');
  const confirmed = times('confirmedAtMs');
  const whole = confirmed.length > 0 && confirmed.length === row.deliveries.length;
  const known: [string, number | null][] = [
    [steps.firstSlice, row.arrivedAtMs],
    [steps.lastSlice, row.lastReceivedAtMs],
    [steps.chosen, at('seriesChosen')],
    [steps.analysed, at('inferred')],
    [steps.written, at('reported')],
    [steps.accepted, sent.length === 0 ? null : Math.min(...sent)],
    [steps.confirmed, whole ? Math.max(...confirmed) : null],
  ];
  const list: TimelineStep[] = [];
  for (const [name, atMs] of known) {
    if (atMs === null) continue;
    const before = list.at(-1);
    list.push({ name, atMs, afterMs: before === undefined ? null : Math.max(0, atMs - before.atMs) });
  }
  return list;
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 1 min`. */
export function shortDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
