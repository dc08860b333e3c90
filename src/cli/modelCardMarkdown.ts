import type { ModelCard } from '../infer/modelCard.ts';
import { summaryOfCard, type CardFigure } from '../infer/modelCardSummary.ts';
import type { ModelIdentity } from '../case/triageModel.ts';

/** The model card in Markdown, from the manifest alone. */
export function modelCardMarkdown(card: ModelCard, identity: ModelIdentity): string {
  const { trainingHistory, deviations, figuresStatement, figures, domain, ...summary } = summaryOfCard(card);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  return [
    `# ${card.name} ${card.version}`,
    '',
    card.intendedUse,
    '',
    '## What it is',
    '',
    `- Kind: ${card.kind}. Licence: ${card.licence}.`,
    `- Package: sha256 \`${identity.sha256}\`; ${Object.values(card.files)
      .map(({ path, sizeBytes }) => `${path} ${megabytes(sizeBytes)} MB`)
      .join(', ')}.`,
    `- Input: ${inputOf(card)}; windows (centre/width, HU) ${card.input.windowsHu.map(({ centerHu, widthHu }) => `${centerHu}/${widthHu}`).join(', ')}.`,
    `- Output: ${card.kind === 'slice-sequence' ? `${card.input.featureLength} features and ` : ''}a map of ${card.input.camRows} x ${card.input.camColumns} cells a slice; calibrated by ${summary.calibrationMethod}.`,
    '',
    '## What it was trained on',
    '',
    summary.trainingStatement,
    '',
    ...(trainingHistory === null ? [] : [trainingHistory, '']),
    ...(deviations.length === 0
      ? ['The manifest names no deviations from the paper.', '']
      : [
          'Where it deviates from the paper, and why:',
          '',
          ...deviations.map(({ name, why }) => `- **${name}**: ${why}`),
          '',
        ]),
    '## Operating points',
    '',
    '| name | flags from | sensitivity | specificity |',
    '| --- | --- | --- | --- |',
    ...card.operatingPoints.map(
      (point) =>
        `| ${cell(point.name)} | ${point.threshold.toFixed(4)} | ${point.sensitivity.toFixed(3)} | ${point.specificity.toFixed(3)} |`,
    ),
    '',
    '## Performance',
    '',
    ...(figuresStatement === null ? [] : [figuresStatement, '']),
    ...(figures.length === 0
      ? ['The manifest states no figures.', '']
      : [
          '| figure | of | value | 95 % interval | positives / negatives |',
          '| --- | --- | --- | --- | --- |',
          ...figures.map(figureRow),
          '',
        ]),
    '## Limits',
    '',
    `A case is not scored when the ${domain.statistic} of \`${domain.output}\` over its slices is beyond ${domain.limit.toFixed(3)} (${domain.unit}).${domain.statement === null ? '' : ` ${domain.statement}`}${[domain.anatomy, domain.texture].map((more) => (more === null ? '' : ` ${more}`)).join('')}`,
    '',
    'Research software. Not for diagnostic use.',
  ].join('\n');
}

function inputOf(card: ModelCard): string {
  if (card.kind === 'slice-sequence')
    return `${card.input.sizePixels} x ${card.input.sizePixels} pixels, crop rule ${card.input.cropRule} with a margin of ${percent(card.input.marginFraction)}`;
  const { sizePixels, pixelSpacingMm, sliceSpacingMm } = card.input;
  const crop =
    card.kind === 'volume'
      ? ''
      : `, in it crops of ${(card.input.cropPixels * pixelSpacingMm).toFixed(0)} mm around the spine`;
  return `the whole scan in voxels of ${pixelSpacingMm} x ${pixelSpacingMm} x ${sliceSpacingMm} mm, a field of ${(sizePixels * pixelSpacingMm).toFixed(0)} mm about the middle of the image${crop}`;
}

function figureRow({ name, of, value, low, high, positives, negatives }: CardFigure): string {
  const number = (one: number | null) => one?.toFixed(3) ?? '-';
  const count = (one: number | null) => (one === null ? '-' : String(one));
  return `| ${cell(name)} | ${cell(of)} | ${number(value)} | ${number(low)} to ${number(high)} | ${count(positives)} / ${count(negatives)} |`;
}

/** A manifest's text must not break the table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/[\r\n]+/g, ' ');
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(1))} %`;
}
