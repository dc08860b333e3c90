import type { NetworkTest } from '../../answers/thresholdAnswers.ts';
import { fullDay } from '../parts/format.ts';
import { Refused } from '../parts/session.ts';

const whole = new Intl.NumberFormat('en-GB');
const signed = (value: number): string =>
  Math.abs(value) < 0.05 ? '0.0' : `${value > 0 ? '+' : '−'}${Math.abs(value).toFixed(1)}`;
const counted = (count: number, one: string, more: string): string =>
  `${whole.format(count)} ${count === 1 ? one : more}`;
/** Of 3 to 10. */
const ordinal = (place: number): string => (place === 3 ? '3rd' : `${place}th`);
/** What a change does to the flags of one class of the network's test. */
function testChange(now: number, proposed: number, what: string, total: number): string {
  if (proposed < now) return `${whole.format(now - proposed)} of ${whole.format(now)} ${what} no longer flagged`;
  const more = proposed > now ? `, ${whole.format(proposed - now)} more` : ' as now';
  return `${whole.format(proposed)} of ${whole.format(total)} ${what} flagged${more}`;
}

/** Texts of the threshold page. */
export const thresholdWords = {
  title: 'Thresholds',
  loading: 'Loading',
  failed: 'The figures could not be read.',
  again: 'Try again',
  noModel: 'No network is loaded, so there is nothing to change. Read as usual.',
  readOnly: 'You can look at every consequence here; changes are an admin’s.',
  header: {
    model: 'Model',
    scans: 'Past scans',
    span: (scans: number, first: number, last: number) =>
      `${whole.format(scans)}, ${fullDay(first)} to ${fullDay(last)}`,
    fractures: 'Fractures with confirmed truth',
    without: 'Without fracture',
    unconfirmed: 'Unconfirmed',
    noScans: 'none yet',
  },
  inForce: 'In force',
  inForceOf: (scope: string, what: string, version: number) => `${scope}${what} (version ${version})`,
  site: 'Whole site',
  stopped: 'AI flags stopped',
  noneYet: 'none yet',
  follows: 'the site’s',
  banner: {
    changed: (what: string, by: string, when: string) =>
      `Threshold changed: ${what}, by ${by}, ${when}. New scans only.`,
    stopped: (by: string, when: string) => `AI FLAGS STOPPED by ${by}, ${when}. Scans are not analysed. Read as usual.`,
  },
  propose: {
    title: 'What another threshold would have done',
    source: 'For',
    ofSource: (name: string, scans: number) => `${name} (${counted(scans, 'scan', 'scans')})`,
    slider: 'Proposed threshold',
    number: 'As a number',
    follow: 'Follow the site',
    back: 'Back to what is in force',
    calculating: (from: string, to: string) => `${from} -> ${to}. Calculating`,
    unchanged: (value: string) => `${value} is in force. Move the threshold to see what another one would have done.`,
    noScans: 'This model has scored no scan yet. There is nothing to judge another threshold by.',
  },
  sentence: (
    from: string,
    to: string,
    scans: number,
    fractures: number,
    flagsADay: number | null,
    gained: number,
    lost: number,
  ) =>
    `${from} -> ${to}. On ${counted(scans, 'past scan', 'past scans')} (${counted(fractures, 'fracture', 'fractures')}): ${
      flagsADay === null ? '' : `${signed(flagsADay)} flags/day; `
    }${gained === 1 ? '1 more fracture' : `${whole.format(gained)} more fractures`} flagged, ${whole.format(lost)} fewer. Past cases only.`,
  figures: {
    title: 'Now against proposed',
    figure: 'Figure',
    now: 'Now',
    nowAt: (what: string) => `Now (${what})`,
    proposed: 'Proposed',
    proposedAt: (what: string) => `Proposed (${what})`,
    scale: '0 to 100 %, now above proposed',
    flagsMean: 'Flags a day, mean',
    flagsSpread: 'Median and 95th percentile',
    spread: (load: { median: number; p95: number } | null) => (load === null ? '-' : `${load.median} and ${load.p95}`),
    sensitivity: 'Sensitivity',
    specificity: 'Specificity',
    ppv: 'PPV',
    netBenefit: 'Net benefit for 1,000 scans',
    counts: (hits: number, total: number) => `${whole.format(hits)}/${whole.format(total)}`,
    interval: (low: number, high: number) => `95 % interval ${Math.round(low * 100)}-${Math.round(high * 100)} %`,
    tooFew: 'Too few fractures to judge',
    tooFewOthers: 'Too few scans to judge',
    unverified: 'Cannot be known',
    weighted: (flagged: string, unflagged: string) =>
      `Truth is known for ${flagged} flagged and ${unflagged} other scans. The percentages count each known scan for as many as were decided like it and have no verdict.`,
    readMore: (scans: number, points: number) =>
      `For a sensitivity to within ${points} points, read ${counted(scans, 'more scan', 'more scans')} without a flag, chosen at random, and give a verdict on each.`,
    nothingVerified:
      'No scan without a flag has a verdict, so nobody can know what was missed: read some of them, chosen at random.',
    netBenefitHidden: {
      'too-few': 'Net benefit: too few fractures to judge.',
      'not-calibrated': 'Net benefit is left out: it was not shown that these scores are calibrated here.',
    },
    days: (days: number) => `Flags a day over ${counted(days, 'whole day', 'whole days')}.`,
  },
  plots: {
    scores: 'Scores by truth; every fracture a tick',
    score: 'Score',
    scans: 'Scans',
    fracture: 'Fracture',
    without: 'Without fracture',
    unconfirmed: 'Unconfirmed',
    rates: 'Sensitivity, specificity and PPV by threshold, with 95 % intervals',
    threshold: 'Threshold',
    now: (value: string) => `In force: ${value}`,
    proposed: (value: string) => `Proposed: ${value}`,
    share: 'Share',
    hours: 'Flags by hour of arrival',
    hour: 'Hour',
    flags: 'Flags a day',
    roc: 'ROC',
    rocAuc: (value: string, low: string, high: string) => `ROC, area ${value} (95 % interval ${low}-${high})`,
    falseRate: '1 - specificity',
    pr: 'PPV against sensitivity',
    interval: 'With its 95 % interval',
    noCurve: 'Too few fractures to judge: no curve.',
  },
  waits: {
    title: 'Wait until read, replayed on the site’s own arrivals and reading times',
    group: 'Group',
    groups: {
      fractures: 'All fractures',
      lostFractures: 'No longer flagged of these',
      gainedFractures: 'Newly flagged of these',
      others: 'All other scans',
    },
    mean: (minutes: string) => `mean ${minutes} min`,
    interval: (low: string, high: string) => `95 % interval ${low}-${high}`,
    rest: (scans: number, p95: string, most: string) =>
      `95th percentile ${p95}, longest ${most}; ${counted(scans, 'scan', 'scans')}`,
    scale: (minutes: string) => `Mean, 0 to ${minutes} min, now above proposed`,
    none: 'no scan',
    nothing: 'No scan has been marked as read since this model came, so there is no queue to replay.',
    basis: (scans: number, days: number, cap: number, everyKth: { now: number; proposed: number }) =>
      `${counted(scans, 'scan', 'scans')} of ${counted(days, 'day', 'days')}, wait cap of ${cap} min on: past it, every ${ordinal(everyKth.now)} place goes to the longest waiting${everyKth.now === everyKth.proposed ? '' : ` (proposed: every ${ordinal(everyKth.proposed)})`}. From arrival to "marked as read". Each row compares the same scans.`,
    moved: (scans: number, kind: 'lost' | 'gained', now: string, proposed: string) =>
      `${
        kind === 'lost'
          ? scans === 1
            ? 'The fracture that is no longer flagged'
            : `These ${whole.format(scans)} fractures that are no longer flagged`
          : scans === 1
            ? 'The newly flagged fracture'
            : `These ${whole.format(scans)} newly flagged fractures`
      } would wait ${now === proposed ? `${now} minutes as now` : `${proposed} minutes instead of ${now}`}.`,
    left: (scans: number) => `${counted(scans, 'scan was', 'scans were')} never marked as read and left out.`,
  },
  flips: {
    title: 'Past scans that would flip',
    none: 'No past scan would flip.',
    scan: 'Scan',
    name: (when: string | null, reference: string) => (when === null ? `Scan ${reference}` : `${when} (${reference})`),
    newTab: 'in a new tab',
    source: 'From',
    truth: 'Confirmed truth',
    truths: { true: 'Fracture', false: 'Without fracture', null: 'Not confirmed' },
    change: 'Change',
    changes: { gained: 'newly flagged', lost: 'NO LONGER FLAGGED' },
    removed: 'images removed',
    some: (shown: number, total: number) => `The first ${whole.format(shown)} of ${whole.format(total)}.`,
  },
  groups: {
    title: 'By source and scanner',
    name: 'Group',
    kinds: { source: 'source', scanner: 'scanner' },
    scans: 'Scans',
    fractures: 'Fractures',
    flags: 'Flags',
    change: (now: number, proposed: number) =>
      now === proposed ? whole.format(now) : `${whole.format(now)} -> ${whole.format(proposed)}`,
    sensitivity: 'Sensitivity, proposed',
    specificity: 'Specificity, proposed',
    noName: 'not named',
  },
  request: {
    title: 'Request this change',
    openTitle: 'Open request',
    reason: 'Reason (at least 20 characters)',
    save: 'Request',
    tooShort: (left: number) => (left === 1 ? 'One more character' : `${left} more characters`),
    nothingYet: 'Nothing is in force before you have signed.',
    ownTest: ({ of, fractures, others, flaggedNow, flaggedProposed }: NetworkTest) =>
      `Of the network’s own test (${of}): ${testChange(flaggedNow.fractures, flaggedProposed.fractures, 'fractures', fractures)}; ${testChange(flaggedNow.others, flaggedProposed.others, 'without a fracture', others)}.`,
    noOwnTest: 'This network’s package brings no scores of its own test: what a change loses there is not known.',
    proof: {
      flagged: (score: string, threshold: string, when: string) =>
        `Proof of life under this threshold: its fracture is flagged, score ${score} from ${threshold} (${when}).`,
      'not-flagged': (score: string, threshold: string, when: string) =>
        `PROOF OF LIFE FAILS UNDER THIS THRESHOLD: its obvious fracture scores ${score} and would be flagged from ${threshold} (${when}).`,
      running: 'The proof of life under this threshold is running. Wait for it before you sign.',
      missing:
        'No proof of life of the last day has a score of this network: run one under Administration, Proof of life.',
    },
    despite: 'Why it is to take force although its proof of life is not flagged (at least 20 characters)',
    open: (by: string, when: string, until: string) =>
      `Requested by ${by}, ${when}. It ends at ${until}, or when verdicts or the threshold change. Reason:`,
    lost: (count: number) =>
      count === 1
        ? 'One confirmed fracture would no longer be flagged. Open it:'
        : `${count} confirmed fractures would no longer be flagged. Open each:`,
    noneLost: 'No confirmed fracture would be lost.',
    opened: 'opened by you',
    notOpened: 'not yet opened by you',
    openFirst: (left: number) =>
      left === 1 ? 'One fracture is not yet opened.' : `${left} fractures are not yet opened.`,
    sign: 'Sign and activate',
    signFirst: 'Sign; a second person activates',
    signSecond: 'Sign as second person and activate',
    waiting: 'Signed by you. A second, different person must sign.',
    notYours: 'Its author signs first.',
    withdraw: 'Withdraw',
    signed: 'Signed. A second, different person must sign before it is in force.',
    activated: (version: number) => `In force for new scans: version ${version}.`,
    closed: {
      withdrawn: 'The request was withdrawn.',
      expired: 'The last request ended: 24 hours passed.',
      'data-changed': 'The last request ended: verdicts changed what it rested on.',
      'threshold-changed': 'The last request ended: the threshold changed.',
    },
  },
  stop: {
    title: 'Stop AI flags',
    why: 'Reason',
    button: 'Stop AI flags',
    explain: 'Scans from now on are not analysed and say so. One person is enough.',
  },
  history: {
    title: 'History',
    version: 'Version',
    what: 'Threshold',
    scope: 'For',
    reason: 'Reason',
    who: 'By',
    when: 'When',
    revert: 'Take back',
    revertVersion: (version: number) => `Take back version ${version}`,
    reverts: (version: number) => `Takes back version ${version}`,
    approved: (by: string, second: string) => `${by}, with ${second}`,
  },
} as const;

/** The refusal by the server, or that it did not answer. */
export const refusalText = (error: unknown): string =>
  error instanceof Refused ? error.message : thresholdWords.failed;
