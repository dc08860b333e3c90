/** Texts around every screen. Each screen's own are beside this file: `words/` is the one place of texts, so that other languages can follow. */
export const shellWords = {
  product: 'Odontoid',
  notDiagnostic: 'Research software. Not for diagnostic use.',
  unvalidated: 'Network not validated at this site.',
  /** `finding`: of the newest flag, or else of the case on the screen. It names no patient. */
  tabTitle: (page: string, newFlags: number, finding: string | null) =>
    `${newFlags > 0 ? `(${newFlags}) ` : ''}${finding === null ? '' : `${finding} - `}${page} - Odontoid`,
  skip: 'Skip to content',
  areas: 'Areas',
  administration: 'Administration',
  waiting: (count: number) => (count === 1 ? '1 thing waits for you' : `${count} things wait for you`),
  pages: {
    worklist: 'Worklist',
    case: 'Case',
    thresholds: 'Thresholds',
    unknown: 'No such page',
  },
  unknownPage: 'There is no page at this address.',
  toWorklist: 'To the worklist',
  printed: (time: string) =>
    `Odontoid, printed ${time}. A list on paper does not change: use the screen or the PACS for what is true now.`,
  loading: 'Loading',
  failed: 'That did not work. Try again.',
  broken: 'This page failed. Use the PACS worklist, and reload to try again.',
  reload: 'Reload',
  lightTheme: 'Light theme',
  keys: 'Keys',
  close: 'Close',
  singleKeys: 'Single-letter keys',
  helpKey: 'shows these keys',
  plot: {
    image: (title: string) => `${title}. The table below has the same figures.`,
    table: 'As a table',
  },
} as const;
