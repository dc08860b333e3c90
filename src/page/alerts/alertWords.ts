/** Texts of sounds and notices for new flags. */
export const alertWords = {
  alerts: 'Sound',
  sound: 'Chime for new AI flags',
  notices: 'Desktop notices',
  ringStep: 'This desk rings',
  ringSteps: {
    0: 'for each new flag',
    1: 'for flags unopened after 10 min',
    2: 'for flags unopened after 20 min',
  },
  quietFrom: 'Quiet from',
  quietTo: 'to',
  testSound: 'Test sound',
  ofTheDesk: 'For this browser, whoever signs in here.',
  soundBlocked: 'blocked by the browser: press Test sound',
  noticeTitle: 'Odontoid',
  noticeBody: (count: number, finding: string | null) =>
    count === 1
      ? `1 new AI flag${finding === null ? '' : `: ${finding}`}. Open the worklist.`
      : `${count} new AI flags. Open the worklist.`,
  newFlags: 'New AI flags',
  newFlagsOf: (count: number) => `${count} new AI flags`,
  flagAt: (time: string, finding: string | null) => `AI flag ${time}${finding === null ? '' : `: ${finding}`}`,
  unopened: (flag: string, minutes: number) => `${flag}, unopened for ${minutes} min`,
  stop: 'Stop ringing',
  stopOf: (flag: string) => `Stop ringing: ${flag}`,
  stillReading: (since: string, returns: string) =>
    `Still reading the scan that you took at ${since}? It goes back to the list at ${returns}.`,
  yes: 'Still reading',
  giveBack: 'Give it back',
  openIt: 'Open it',
  notSaved: 'Not saved. Try again.',
} as const;
