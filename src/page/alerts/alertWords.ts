/** Texts of sounds and notices for new flags. */
export const alertWords = {
  alerts: 'Sound',
  sound: 'Chime for new AI flags',
  notices: 'Desktop notices',
  quietFrom: 'Quiet from',
  quietTo: 'to',
  testSound: 'Test sound',
  soundBlocked: 'blocked by the browser: press Test sound',
  noticeTitle: 'Odontoid',
  noticeBody: (count: number) =>
    count === 1 ? '1 new AI flag. Open the worklist.' : `${count} new AI flags. Open the worklist.`,
  newFlags: 'New AI flags',
  newFlagsOf: (count: number) => `${count} new AI flags`,
  flagAt: (time: string) => `AI flag ${time}`,
} as const;
