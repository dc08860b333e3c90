const mmText = (mm: number): string => `${Math.abs(mm).toFixed(Math.abs(mm) < 10 ? 1 : 0)} mm`;
const higherOrLower = (mm: number): string => `${mmText(mm)} ${mm > 0 ? 'higher' : 'lower'}`;

/** Texts of the prior beside the scan. */
export const comparisonWords = {
  compare: (date: string, isOnly: boolean) => `Compare with prior of ${date}${isOnly ? '' : ' or older'}`,
  noDate: 'unknown date',
  /** What each side is called, wherever it stands. */
  thisScan: 'THIS SCAN',
  prior: 'PRIOR',
  side: (name: string, date: string) => `${name} ${date}`,
  tools: 'Comparison',
  choice: 'Prior',
  option: (date: string, description: string) => [date, description].filter(Boolean).join(', '),
  linked: 'Scroll together',
  up: 'Prior one slice up',
  down: 'Prior one slice down',
  reset: 'Back to the estimate',
  heatmap: 'Heatmap of the prior',
  result: (text: string, model: string) => (model === '' ? text : `${text} (${model})`),
  model: (name: string, version: string) => `${name} ${version}`,
  notScored: 'not scored',
  matching: 'Comparing body outlines to find the same height. Until then both are shown by position from the top.',
  matched:
    'Same height by body outline, bone and air: an estimate. Adjust it with the buttons, or the keys “,” and “.”.',
  unmatched:
    'Heights could not be matched: both are shown by position from the top, which need not be the same height. Adjust with the buttons, or the keys “,” and “.”.',
  byHand: (mm: number) =>
    Math.abs(mm) < 0.05
      ? 'Height set by hand.'
      : `Height set by hand: the prior is shown ${higherOrLower(mm)} than estimated.`,
  unlinked: 'Not linked: each scan is scrolled alone. “Scroll together” links the two slices that are shown then.',
  apart: (mm: number) => `This scan ends here. The prior is shown ${higherOrLower(mm)}.`,
  priorEnds: 'The prior has no slice at this height.',
  loading: 'Loading the prior',
  unreadable: 'The prior cannot be read now. Use the PACS.',
  notLinked: 'This prior is no longer linked to this scan: it may belong to another patient, or was removed.',
  held: 'This prior is held for checking: its images may not be of one patient, so they are not shown beside this scan.',
  filesRemoved: (at: string) =>
    `The images of this prior were removed here ${at}. Compare in the PACS. To compare here, have the PACS send the prior once more.`,
  noSlices: 'No series of this prior was chosen here, so there are no slices to compare. Compare in the PACS.',
  keys: {
    compare: 'prior beside the scan, or not any more',
    link: 'scroll both together, or each alone',
    nudge: 'the prior alone, one slice up, down',
  },
} as const;
