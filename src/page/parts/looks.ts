import type { WorklistRow } from '../../answers/worklistAnswer.ts';

/** Shape, colour and words of each state: none of them alone conveys it. */
export const LOOKS: Readonly<Record<WorklistRow['status'], { kind: string; shape: string }>> = {
  flagged: { kind: 'flag', shape: 'M8 1 15 14H1z' },
  unflagged: { kind: 'plain', shape: 'M2 7h12v2H2z' },
  running: { kind: 'info', shape: 'M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4z' },
  delayed: {
    kind: 'plain',
    shape: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM7 4h2v3.5l2.5 1.5-1 1.7L7 8.7z',
  },
  'not-analysed': { kind: 'plain', shape: 'M3 1 1 3l5 5-5 5 2 2 5-5 5 5 2-2-5-5 5-5-2-2-5 5z' },
  'outside-domain': { kind: 'domain', shape: 'M8 1 15 8 8 15 1 8zm0 3L4 8l4 4 4-4z' },
  failed: { kind: 'fault', shape: 'M5 1h6l4 4v6l-4 4H5l-4-4V5zm2 3v5h2V4zm0 6v2h2v-2z' },
  held: { kind: 'fault', shape: 'M3 2h4v12H3zM9 2h4v12H9z' },
};
