import type { ModelCard } from '../infer/modelCard.ts';
import type { ModelIdentity } from '../ports.ts';

const METRIC_FIELDS: ReadonlySet<string> = new Set(['name', 'value', 'low', 'high', 'positives', 'negatives']);

/** The model card as the manifest alone gives it, in Markdown. */
export function modelCardMarkdown(card: ModelCard, identity: ModelIdentity): string {
  const { input, domain, calibration, trainingData, metrics, files } = card;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const deviations = Object.entries(trainingData.deviations ?? {});
  return [
    `# ${card.name} ${card.version}`,
    '',
    card.intendedUse,
    '',
    '## What it is',
    '',
    `- Kind: ${card.kind}. Licence: ${card.licence}.`,
    `- Package: sha256 \`${identity.sha256}\`; slice encoder ${megabytes(files.sliceEncoder.sizeBytes)} MB, case classifier ${megabytes(files.caseClassifier.sizeBytes)} MB.`,
    `- Input: ${input.sizePixels} x ${input.sizePixels} pixels, crop rule ${input.cropRule} with a margin of ${percent(input.marginFraction)}; windows (centre/width, HU) ${input.windowsHu.map(({ centerHu, widthHu }) => `${centerHu}/${widthHu}`).join(', ')}.`,
    `- Output: ${input.featureLength} features and a map of ${input.camRows} x ${input.camColumns} cells a slice; calibrated by ${calibration.method}.`,
    '',
    '## What it was trained on',
    '',
    trainingData.statement,
    '',
    ...(typeof trainingData['history'] === 'string' ? [trainingData['history'], ''] : []),
    ...(deviations.length === 0
      ? ['The manifest names no deviations from the paper.', '']
      : ['Where it deviates from the paper, and why:', '', ...deviations.map(([name, why]) => `- **${name}**: ${why}`), '']),
    '## Operating points',
    '',
    '| name | flags from | sensitivity | specificity |',
    '| --- | --- | --- | --- |',
    ...card.operatingPoints.map((point) => `| ${cell(point.name)} | ${point.threshold.toFixed(4)} | ${point.sensitivity.toFixed(3)} | ${point.specificity.toFixed(3)} |`),
    '',
    '## What it reaches',
    '',
    ...(metrics.statement === undefined ? [] : [metrics.statement, '']),
    ...(metrics.values.length === 0 ? ['The manifest states no figures.', ''] : ['| figure | of | value | 95 % interval | positives / negatives |', '| --- | --- | --- | --- | --- |', ...metrics.values.map(metricRow), '']),
    '## Where it ends',
    '',
    `A case is not scored when the ${domain.statistic} of \`${domain.output}\` over its slices is beyond ${domain.limit.toFixed(3)} (${domain.unit}).${typeof domain['statement'] === 'string' ? ` ${domain['statement']}` : ''}`,
    '',
    'Research software. Not for diagnostic use.',
  ].join('\n');
}

function metricRow(metric: ModelCard['metrics']['values'][number]): string {
  const detail = Object.entries(metric).filter(([key]) => !METRIC_FIELDS.has(key)).map(([key, value]) => `${key} ${String(value)}`).join(', '); // prettier-ignore
  const number = (value: unknown) => (typeof value === 'number' ? value.toFixed(3) : '-');
  const count = (value: unknown) => (typeof value === 'number' ? String(value) : '-');
  return `| ${cell(metric.name)} | ${cell(detail)} | ${number(metric.value)} | ${number(metric.low)} to ${number(metric.high)} | ${count(metric['positives'])} / ${count(metric['negatives'])} |`;
}

/** A manifest's text must not break the table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/[\r\n]+/g, ' ');
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(1))} %`;
}
