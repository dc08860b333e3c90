import { levelRange } from '../../case/findingLine.ts';

/** Texts of the worklist. The words for a case's state come from the server. */
export const words = {
  title: 'Cervical-spine CT worklist',
  model: (name: string, version: string, provider: string) => `${name} ${version} on ${provider}`,
  zone: (name: string) => `Times in ${name}`,
  updates: 'Updates',
  pending: (count: number, flagged: number) => `${count} new, ${flagged} flagged - press . to update`,
  reordered: 'Order changed - press . to update',
  modelNotTaken: (name: string, version: string) =>
    `The AI package that was activated does not load; ${name} ${version} is in use.`,
  flaggedAfterRead: (count: number) =>
    count === 1
      ? '1 read scan was flagged after it was read.'
      : `${count} read scans were flagged after they were read.`,
  leftOver: (count: number, flagged: number) =>
    `${count === 1 ? '1 scan has' : `${count} scans have`} been unread for more than 8 hours${flagged === 0 ? '' : `, ${flagged} of them flagged`}. Read in the PACS?`,
  markLeftOver: (count: number) =>
    count === 1 ? 'Mark the one unflagged as read' : `Mark the ${count} unflagged as read`,
  keepLeftOver: 'Leave them',
  notSaved: (patient: string) => `Not saved for ${patient}. Try again.`,
  showRead: 'Show read scans',
  search: 'Name, ID or accession',
  show: 'Show',
  shows: { all: 'All', flagged: 'AI flags', unscored: 'Without a score', unflagged: 'Not flagged' },
  where: 'Location',
  everywhere: 'All places',
  matching: (count: number, all: number) => `${count} of ${all} match`,
  noneMatch: (all: number) => `0 of ${all} match.`,
  firstSteps: 'First steps of a new agent',
  clearFilters: 'Clear filters',
  chooseColumns: 'Columns',
  hideNames: 'Hide names',
  namesHidden: 'Names are hidden.',
  namesNotShown: 'The names could not be shown. Try again.',
  showNames: 'Show names',
  masked: 'Hidden',
  claim: "I'm reading",
  claimedBy: (name: string) => `Being read by ${name}`,
  readBy: (name: string) => (name === '' ? 'Read' : `Read by ${name}`),
  openViewer: 'Viewer',
  /** The fixed words of a flag without a reservation, as the server says them. */
  plainFlag: 'AI flag: possible fracture. Review now. Not a diagnosis.',
  /** Once for the whole list. */
  flagMeans: 'A flag asks for a look now. It is not a diagnosis.',
  keys: {
    open: 'opens the case',
    claim: 'I am reading, or not any more',
    search: 'search',
    filter: 'choose what to show',
    next: 'or arrow down: next scan',
    previous: 'or arrow up: scan before',
    read: 'marks it as read, or takes that back',
    viewer: 'opens the site’s viewer',
    update: 'takes waiting updates',
    leave: 'closes, and lets the list move again',
  },
  columns: {
    rank: '#',
    state: 'State',
    wait: 'Waiting',
    suspicion: 'Suspicion',
    patient: 'Patient',
    accession: 'Accession',
    location: 'Location',
    scan: 'Scan, arrival, AI',
    reader: 'Reader',
    receipt: 'Results held by',
  },
  /** The best key slice: where to look first. */
  levels: levelRange,
  flagsFrom: (threshold: string) => `flags from ${threshold}`,
  from: (threshold: string) => `from ${threshold}`,
  arrivedAt: (time: string) => `in ${time}`,
  finishedAt: (time: string) => `AI ${time}`,
  otherObjects: (count: number) => (count === 1 ? '1 other object' : `${count} other objects`),
  refusedObjects: (count: number) => `${count} refused`,
  urgent: 'Urgent',
  noScore: 'no score',
  waitOf: (minutes: number, cap: number) => `${minutes} of ${cap} min`,
} as const;
