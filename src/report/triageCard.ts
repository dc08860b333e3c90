import type { CaseManifest, Findings } from '../case/case.ts';
import { findingLine } from '../case/findingLine.ts';
import { drawOver, escapeXml, wrapText, type Picture } from './drawing.ts';
import { coverageSentence, DISCLAIMER, NOT_FOR_DIAGNOSTIC_USE, stateSentence } from './findingsSummary.ts';
import { KEY_IMAGE } from './keyImage.ts';
import { scoreTexts } from '../case/scoreTexts.ts';

const COLUMNS = 1024;
const ROWS = 768;
const MARGIN = 48;
const WIDTH = COLUMNS - 2 * MARGIN;
/** Upper edge of the key image; what stands below it moves down by its height. */
const KEY_IMAGE_TOP = 252;
const KEY_IMAGE_SPACE = KEY_IMAGE.rows + 24;

/** The dark tokens of the screens. No green anywhere: an unflagged scan must not look like a passed one. */
const COLOUR = {
  background: '#0E1116',
  raised: '#1F2630',
  text: '#E6EAF0',
  muted: '#A3ADBA',
  border: '#7A8594',
  flag: '#FDBF52',
  fault: '#FF9188',
  domain: '#B38DFF',
  info: '#84C8FF',
} as const;

export interface TriageCardInput {
  findings: Findings;
  manifest: CaseManifest | null;
  revision: number;
  /** Time of analysis, as in the header. */
  analysedAt: { date: string; time: string };
  softwareVersion: string;
  /** False in triage-only mode: no slice scores. */
  locations: boolean;
  /** Of a flagged scan; null where no location is shown. */
  keyImage: Picture | null;
}

/**
 * The card that a reader sees in the PACS, 768 x 1024, with a key image 1232 x 1024: state, key image, score against threshold, scores over the slices, and which
 * network judged. No patient data.
 */
export function triageCard(input: TriageCardInput): Picture {
  const { keyImage } = input;
  const rows = ROWS + (keyImage === null ? 0 : KEY_IMAGE_SPACE);
  const picture = { rgb: new Uint8Array(rows * COLUMNS * 3), rows, columns: COLUMNS };
  drawOver(picture, cardElements(input));
  for (let row = 0; keyImage !== null && row < keyImage.rows; row++) {
    const line = keyImage.rgb.subarray(row * keyImage.columns * 3, (row + 1) * keyImage.columns * 3);
    picture.rgb.set(line, ((KEY_IMAGE_TOP + row) * COLUMNS + MARGIN) * 3);
  }
  return picture;
}

/** Where the key image stands on a card of this size; null on one without. */
export function keyImagePlace({
  rows,
  columns,
}: Pick<Picture, 'rows' | 'columns'>): { top: number; left: number } | null {
  return rows === ROWS + KEY_IMAGE_SPACE && columns === COLUMNS ? { top: KEY_IMAGE_TOP, left: MARGIN } : null;
}

/** The card as SVG elements. */
export function cardElements(input: TriageCardInput): string {
  const strip =
    input.locations &&
    input.manifest !== null &&
    input.findings.slices.length > 0 &&
    input.findings.decision !== 'not-analysed';
  const below = input.keyImage === null ? 0 : KEY_IMAGE_SPACE;
  return [
    `<rect width="${COLUMNS}" height="${ROWS + below}" fill="${COLOUR.background}"/>`,
    banner(),
    state(input.findings, input.locations ? findingLine(input.findings.keySlices) : null),
    `<g transform="translate(0 ${below})">`,
    ...scoreBar(input.findings),
    ...(strip ? scoreStrip(input.findings, input.manifest!) : []),
    ...coverage(input.findings),
    ...footer(input),
    '</g>',
  ].join('');
}

/** Not in the colour of any state: at a small size it must not look like a flag. */
function banner(): string {
  return [
    `<rect width="${COLUMNS}" height="64" fill="${COLOUR.raised}"/>`,
    label(MARGIN, 42, NOT_FOR_DIAGNOSTIC_USE, { size: 26, colour: COLOUR.text, bold: true }),
    label(COLUMNS - MARGIN, 42, 'Odontoid \u00b7 cervical spine CT triage', {
      size: 20,
      colour: COLOUR.muted,
      anchor: 'end',
    }),
  ].join('');
}

/** Shape and words, never colour alone. */
function state(findings: Findings, finding: string | null): string {
  const [cx, cy] = [MARGIN + 36, 160];
  const shapes = {
    suspected: {
      colour: COLOUR.flag,
      shape: `<path d="M${cx} ${cy - 38} L${cx + 40} ${cy + 32} L${cx - 40} ${cy + 32} Z" fill="${COLOUR.flag}"/>${label(cx, cy + 24, '!', { size: 44, colour: COLOUR.background, bold: true, anchor: 'middle' })}`,
    },
    'not-suspected': {
      colour: COLOUR.text,
      shape: `<circle cx="${cx}" cy="${cy}" r="32" fill="none" stroke="${COLOUR.muted}" stroke-width="5"/>`,
    },
    'not-analysed': {
      colour: findings.reasonCode === 'outside-domain' ? COLOUR.domain : COLOUR.fault,
      shape: `<rect x="${cx - 32}" y="${cy - 32}" width="64" height="64" fill="none" stroke="${findings.reasonCode === 'outside-domain' ? COLOUR.domain : COLOUR.fault}" stroke-width="5" stroke-dasharray="10 7"/>`,
    },
  } as const;
  const { colour, shape } = shapes[findings.decision];
  const left = MARGIN + 104;
  const sentence = stateSentence(findings);
  const size = sentence.length <= 60 ? 34 : 26;
  const lines = wrapText(sentence, COLUMNS - MARGIN - left, size, 5);
  const first = 160 + size / 3 - ((Math.min(lines.length, 3) - 1) * size * 1.3) / 2;
  const below = first + lines.length * size * 1.3;
  return [
    shape,
    ...lines.map((line, index) => label(left, first + index * size * 1.3, line, { size, colour, bold: true })),
    ...(finding === null ? [] : [label(left, below, finding, { size: 26, colour: COLOUR.text, bold: true })]),
  ].join('');
}

/** Score against threshold, one axis from 0 to 1. */
function scoreBar({ decision, probability, threshold }: Findings): string[] {
  if (decision === 'not-analysed' || probability === null || threshold === null) return [];
  const top = 300;
  const at = MARGIN + WIDTH * threshold.value;
  const anchor = threshold.value > 0.7 ? 'end' : 'start';
  const colour = decision === 'suspected' ? COLOUR.flag : COLOUR.muted;
  const shown = scoreTexts(probability, threshold.value);
  return [
    label(MARGIN, top - 18, 'AI score', { size: 20, colour: COLOUR.muted }),
    label(MARGIN + 104, top - 16, shown.score, { size: 34, colour: COLOUR.text, bold: true }),
    `<rect x="${MARGIN}" y="${top}" width="${WIDTH}" height="26" fill="${COLOUR.raised}"/>`,
    `<rect x="${MARGIN}" y="${top}" width="${(WIDTH * probability).toFixed(1)}" height="26" fill="${colour}"/>`,
    `<rect x="${(at - 2).toFixed(1)}" y="${top - 8}" width="4" height="42" fill="${COLOUR.text}" stroke="${COLOUR.background}" stroke-width="1"/>`,
    label(
      at + (anchor === 'end' ? 2 : -2),
      top + 58,
      `flagged from ${shown.threshold} (threshold version ${threshold.version})`,
      { size: 18, colour: COLOUR.text, anchor },
    ),
    ...(threshold.value > 0.08 ? [label(MARGIN, top + 58, '0', { size: 18, colour: COLOUR.muted })] : []),
    ...(threshold.value < 0.92
      ? [label(MARGIN + WIDTH, top + 58, '1', { size: 18, colour: COLOUR.muted, anchor: 'end' })]
      : []),
  ];
}

/** Scores over the slices, head on the left; key slices marked, holes in the series hatched. */
function scoreStrip(findings: Findings, manifest: CaseManifest): string[] {
  const [top, height] = [430, 120];
  const count = findings.slices.length;
  const step = WIDTH / count;
  const keyIndices = new Set(findings.keySlices.map(({ sliceIndex }) => sliceIndex));
  const bars = findings.slices.map(({ score }, index) => {
    const high = Math.max(1, score * height);
    const width = Math.max(0.5, step - (step > 4 ? 1 : 0));
    return `<rect x="${(MARGIN + index * step).toFixed(2)}" y="${(top + height - high).toFixed(1)}" width="${width.toFixed(2)}" height="${high.toFixed(1)}" fill="${keyIndices.has(index) ? COLOUR.flag : COLOUR.info}"/>`;
  });
  const gaps = manifest.gaps.map(
    ({ afterSliceIndex }) =>
      `<rect x="${(MARGIN + (afterSliceIndex + 1) * step - 5).toFixed(1)}" y="${top}" width="10" height="${height}" fill="url(#hatch)"/>`,
  );
  const keySlices = findings.keySlices.toSorted((a, b) => a.sliceIndex - b.sliceIndex);
  const marks = keySlices.map(({ sliceIndex }) => {
    const x = MARGIN + (sliceIndex + 0.5) * step;
    return `<path d="M${x.toFixed(1)} ${top + height + 4} l7 12 h-14 Z" fill="${COLOUR.flag}"/>`;
  });
  const key = keySlices.map(({ sliceIndex, frameNumber }) =>
    frameNumber === undefined ? String(sliceIndex + 1) : `${sliceIndex + 1} (frame ${frameNumber})`,
  );
  return [
    `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" fill="${COLOUR.muted}"/></pattern></defs>`,
    label(
      MARGIN,
      top - 14,
      `Scores over ${count} slices, head on the left${manifest.gaps.length > 0 ? ' (hatched: slices missing)' : ''}`,
      { size: 20, colour: COLOUR.muted },
    ),
    `<rect x="${MARGIN}" y="${top}" width="${WIDTH}" height="${height}" fill="${COLOUR.raised}"/>`,
    ...bars,
    ...gaps,
    ...marks,
    `<path d="M${MARGIN} ${top + height} h${WIDTH}" stroke="${COLOUR.border}"/>`,
    ...(key.length > 0
      ? [
          label(MARGIN, top + height + 44, `Key slices, counted from the head: ${key.join(', ')}`, {
            size: 18,
            colour: COLOUR.text,
          }),
        ]
      : []),
  ];
}

/** How much of the neck was seen, above the footer. */
function coverage(findings: Findings): string[] {
  const sentence = coverageSentence(findings);
  if (sentence === null) return [];
  return wrapText(sentence, WIDTH, 15, 2).map((line, index) =>
    label(MARGIN, 613 + index * 19, line, { size: 15, colour: COLOUR.text }),
  );
}

function footer({ findings, revision, analysedAt, softwareVersion }: TriageCardInput): string[] {
  const { date, time } = analysedAt;
  const when = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)} ${time.slice(0, 2)}:${time.slice(2, 4)}`;
  const who = `Odontoid ${softwareVersion}, network ${findings.model.name} ${findings.model.version} (${findings.model.sha256.slice(0, 12)}), ${when}, report ${revision}`;
  return [
    `<path d="M${MARGIN} 640 h${WIDTH}" stroke="${COLOUR.border}"/>`,
    ...wrapText(DISCLAIMER, WIDTH, 19, 2).map((line, index) =>
      label(MARGIN, 674 + index * 27, line, { size: 19, colour: COLOUR.text }),
    ),
    ...wrapText(who, WIDTH, 15, 1).map((line) => label(MARGIN, 738, line, { size: 15, colour: COLOUR.muted })),
  ];
}

function label(
  x: number,
  y: number,
  value: string,
  style: { size: number; colour: string; bold?: boolean; anchor?: 'start' | 'middle' | 'end' },
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${style.size}" fill="${style.colour}"${style.bold === true ? ' font-weight="bold"' : ''} text-anchor="${style.anchor ?? 'start'}">${escapeXml(value)}</text>`;
}
