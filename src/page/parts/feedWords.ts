/** Texts about how fresh a list is, and of a list with nothing in it. */
export const feedWords = {
  liveFeed: 'Feed live',
  slowFeed: (seconds: number) => `No update for ${seconds} s. List may be old`,
  polling: (seconds: number) => `Live line held back on its way: asked for every ${seconds} s`,
  /** What has stopped, in a few words. */
  stopped: {
    'receiver-down': 'Scans do not arrive',
    'disk-full': 'Scans are refused',
    'no-model': 'Scans are not analysed',
    'analysis-late': 'Scans wait for the AI',
    'delivery-late': 'Results are not delivered',
  },
  since: (what: string, time: string | null) => (time === null ? what : `${what} since ${time}`),
  /** Why, and what to do. */
  remedies: {
    'receiver-down':
      'Receiver down: the PACS cannot send. Studies are not arriving here. Read from the PACS worklist, and tell the administrator.',
    'disk-full':
      'The disk is full: studies are refused. Read from the PACS worklist, and tell the administrator, who has to free space.',
    'no-model': 'AI not ready: studies are received and wait. Read as usual.',
    'analysis-late': 'Scans have waited for over an hour to be analysed. Read as usual, and tell the administrator.',
    'delivery-late':
      'Results do not reach the PACS. What this page shows is right; reports are missing there. Tell the administrator.',
  },
  lostFeed: (time: string) => `LIVE FEED LOST ${time}. List may be wrong. Use PACS worklist`,
  stillLoading: 'Still loading',
  empty: (lastReceived: string | null, feed: string) =>
    lastReceived === null
      ? `No scans waiting. Nothing received yet. ${feed}`
      : `No scans waiting. Last received ${lastReceived}. ${feed}`,
  emptyUnsure: 'This list shows no scans, and it may be wrong. Use PACS worklist',
  waitingScans: (count: number, flagged: number) =>
    flagged === 0 ? `${count} waiting` : `${count} waiting, ${flagged} flagged`,
} as const;
