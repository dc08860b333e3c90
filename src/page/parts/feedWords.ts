/** Texts about how fresh a list is, and of a list with nothing in it. */
export const feedWords = {
  liveFeed: 'Feed live',
  slowFeed: (seconds: number) => `No update for ${seconds} s. List may be old`,
  polling: (seconds: number) => `Live line held back on its way: asked for every ${seconds} s`,
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
