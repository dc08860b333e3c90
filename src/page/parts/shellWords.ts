/** Texts around every screen. Each screen's own are beside this file: `words/` is the one place of texts, so that other languages can follow. */
export const shellWords = {
  product: 'Odontoid',
  notDiagnostic: 'Research software. Not for diagnostic use.',
  tabTitle: (page: string) => `${page} - Odontoid`,
  skip: 'Skip to content',
  areas: 'Areas',
  administration: 'Administration',
  pages: {
    worklist: 'Worklist',
    case: 'Case',
    thresholds: 'Thresholds',
    unknown: 'No such page',
  },
  unknownPage: 'There is no page at this address.',
  toWorklist: 'To the worklist',
  loading: 'Loading',
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
