import type { InstanceHeader } from './case.ts';

/** Words for the neck, in the languages of the scanner menus that we know; checked before the words for other regions. */
const NECK = new RegExp(
  [
    '\\bc ?sp(ine|\\b)|cspine|cervi[ckq]|tservi|servik|zervi|neck|\\bhals|\\bhws\\b|\\bcou\\b|cuello|nuque|\\bcollo\\b|pescoco|\\bszyj|\\bnacke|\\bboyun|\\bkrk\\b|шеи|шея|шию|чревне',
    'odontoid|\\bdens\\b|\\batlas\\b|\\baxis vert|facet|craniov|crani?o ?cerv|cranio ?vert|occipito ?cerv|\\bc ?v ?j\\b|\\bccj\\b|atlanto',
    '頸|颈|경추|목뼈|गर्दन|คอ|عنق|رقب|צוואר',
    // A range that begins above the neck and ends below it, or a range of cervical vertebrae.
    '(skull ?base|\\bbase of skull|occiput|foramen magnum|\\bclivus|schadelbasis|base du crane|base de craneo|base cranica|\\bc ?[0-7]|\\bt ?[0-9]|\\bd ?1) ?(to|through|thru|bis|a|al|hasta|jusqu|till|tot)? ?(c ?[1-7]|t ?[1-4]|th ?[1-4]|d ?[1-4])\\b',
    '\\b(head|brain|skull|vertex|kopf|schadel|cran(e|io|eo)|tete|testa|cabeza) ?(to|through|thru|bis|a|al|hasta|jusqu|till|tot|and|und|et|y|e)? ?(chest|thora|torax|abdom|pelvi|becken|bassin|bacino|thigh|feet|foot|toe|knee|shoulder|carina|arch)',
  ].join('|'),
);
const ELSEWHERE = new RegExp(
  [
    '\\bhead\\b|brain|skull|crani|cerebr|sinus|\\bfac(e|ial)|maxillofac|orbit|temporal|mandib|\\bdental|kopf|schadel|\\bcrane\\b|\\btete\\b|cabeza|\\btesta\\b',
    'chest|thora|\\blung|pulmo|heart|cardi|coronar(y|ies)|\\bt ?spine|tspine|\\bbws\\b|torax',
    'abdom|pelvi|\\bliver|kidney|urogra|\\bcolon\\b|bowel|lumb|\\bl ?spine|lspine|\\blws\\b|sacr|becken|addome',
    '\\bhip\\b|femur|knee|\\bleg\\b|\\bankle|\\bfoot\\b|shoulder|elbow|wrist|\\bhand\\b|extremit|\\barm\\b|humerus|tibia|fibula',
  ].join('|'),
);

/**
 * Which body region a series claims to show. The series' own description outranks its other tags, which technologists change less often. Words only
 * rank series and never refuse one: what a scan shows is judged by its pixels.
 */
export function claimedRegion(header: InstanceHeader): 'neck' | 'elsewhere' | 'unknown' {
  const own = regionIn(header.seriesDescription);
  return own === 'unknown'
    ? regionIn(`${header.anatomicRegion} ${header.bodyPartExamined} ${header.protocolName} ${header.studyDescription}`)
    : own;
}

/** Which body region a description names. */
export function regionIn(text: string): 'neck' | 'elsewhere' | 'unknown' {
  const words = text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, ' ');
  if (NECK.test(words)) return 'neck';
  return ELSEWHERE.test(words) ? 'elsewhere' : 'unknown';
}
