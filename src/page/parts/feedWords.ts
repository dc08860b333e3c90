/** Texts about how fresh a list is, and of a list with nothing in it. */
export const feedWords = {
  liveFeed: 'Feed live',
  slowFeed: (seconds: number) => `No update for ${seconds} s. List may be old`,
  lostFeed: (time: string) => `LIVE FEED LOST ${time}. List may be wrong. Use PACS worklist`,
  stillLoading: 'Still loading',
  empty: (lastReceived: string | null) =>
    lastReceived === null
      ? 'No scans waiting. Nothing received yet. Feed live'
      : `No scans waiting. Last received ${lastReceived}. Feed live`,
  emptyUnsure: 'This list shows no scans, and it may be wrong. Use PACS worklist',
  waitingScans: (count: number, flagged: number) =>
    flagged === 0 ? `${count} waiting` : `${count} waiting, ${flagged} flagged`,
} as const;
