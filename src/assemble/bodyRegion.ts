import type { InstanceHeader } from '../case/case.ts';

/** Words for the neck, in the languages of the scanners' menus we know; tried before the words for other regions. */
const NECK = /\bc ?sp(ine|\b)|cspine|cervi[ckq]|neck|\bhals|\bhws\b|\bcou\b|cuello|nuque|\bcollo\b|odontoid|\bdens\b/;
const ELSEWHERE = new RegExp(
  [
    '\\bhead\\b|brain|skull|crani|cerebr|sinus|\\bfac(e|ial)|maxillofac|orbit|temporal|mandib|\\bdental|kopf|schadel|\\bcrane\\b|\\btete\\b|cabeza|\\btesta\\b',
    'chest|thora|\\blung|pulmo|heart|cardi|coronar(y|ies)|\\bt ?spine|tspine|\\bbws\\b|torax',
    'abdom|pelvi|\\bliver|kidney|urogra|\\bcolon\\b|bowel|lumb|\\bl ?spine|lspine|\\blws\\b|sacr|becken|addome',
    '\\bhip\\b|femur|knee|\\bleg\\b|\\bankle|\\bfoot\\b|shoulder|elbow|wrist|\\bhand\\b|extremit|\\barm\\b|humerus|tibia|fibula',
  ].join('|'),
);

/**
 * Which region a series claims to show. The series' own description outranks its other tags, which technologists change less often; tags can lie, so
 * only words that clearly name another region give `elsewhere`, and silence gives `unknown`.
 */
export function claimedRegion(header: InstanceHeader): 'neck' | 'elsewhere' | 'unknown' {
  const own = regionIn(header.seriesDescription);
  return own === 'unknown'
    ? regionIn(`${header.bodyPartExamined} ${header.protocolName} ${header.studyDescription}`)
    : own;
}

function regionIn(text: string): 'neck' | 'elsewhere' | 'unknown' {
  const words = text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, ' ');
  if (NECK.test(words)) return 'neck';
  return ELSEWHERE.test(words) ? 'elsewhere' : 'unknown';
}
