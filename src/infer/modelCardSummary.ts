import type { AnatomyRange } from '../preprocess/anatomy.ts';
import type { TextureRange } from '../preprocess/texture.ts';
import type { ModelCard } from './modelCard.ts';

/** One figure of a card, with its 95 % interval where there is one. */
export interface CardFigure {
  name: string;
  /** On which part of the cohort: `grade subtle, spacing at most 1.5 mm`. */
  of: string;
  value: number | null;
  low: number | null;
  high: number | null;
  positives: number | null;
  negatives: number | null;
}

/** The information of a manifest for people, in the order in which a card shows it. */
export interface CardSummary {
  intendedUse: string;
  licence: string;
  kind: string;
  sizeBytes: number;
  trainingStatement: string;
  trainingHistory: string | null;
  /** Where the training differs from the paper, and why. */
  deviations: { name: string; why: string }[];
  operatingPoints: { name: string; threshold: number; sensitivity: number; specificity: number }[];
  calibrationMethod: string;
  figuresStatement: string | null;
  figures: CardFigure[];
  domain: {
    output: string;
    statistic: string;
    limit: number;
    unit: string;
    statement: string | null;
    anatomy: string | null;
    texture: string | null;
  };
}

const FIGURE_FIELDS: ReadonlySet<string> = new Set(['name', 'value', 'low', 'high', 'positives', 'negatives']);

export function summaryOfCard(card: ModelCard): CardSummary {
  const { trainingData, domain, metrics } = card;
  return {
    intendedUse: card.intendedUse,
    licence: card.licence,
    kind: card.kind,
    sizeBytes: Object.values(card.files).reduce((sum, file) => sum + file.sizeBytes, 0),
    trainingStatement: trainingData.statement,
    trainingHistory: textOrNull(trainingData['history']),
    deviations: Object.entries(trainingData.deviations ?? {}).map(([name, why]) => ({ name, why })),
    operatingPoints: card.operatingPoints.map(({ name, threshold, sensitivity, specificity }) => ({
      name,
      threshold,
      sensitivity,
      specificity,
    })),
    calibrationMethod: card.calibration.method,
    figuresStatement: metrics.statement ?? null,
    figures: metrics.values.map((metric) => ({
      name: metric.name,
      of: Object.entries(metric)
        .filter(([key]) => !FIGURE_FIELDS.has(key))
        .map(([key, value]) => `${key} ${String(value)}`)
        .join(', '),
      value: metric.value,
      low: metric.low ?? null,
      high: metric.high ?? null,
      positives: numberOrNull(metric['positives']),
      negatives: numberOrNull(metric['negatives']),
    })),
    domain: {
      output: domain.output,
      statistic: domain.statistic,
      limit: domain.limit,
      unit: domain.unit,
      statement: textOrNull(domain['statement']),
      anatomy: domain.anatomy === undefined ? null : anatomyText(domain.anatomy),
      texture: domain.texture === undefined ? null : textureText(domain.texture),
    },
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);

function anatomyText({ tissueAreaCm2: tissue, boneAreaCm2: bone }: AnatomyRange): string {
  return `Nor when its median slice shows less than ${tissue.low} or more than ${tissue.high} cm² of tissue, or less than ${bone.low} or more than ${bone.high} cm² of bone.`;
}

function textureText({ changeInPlane: inPlane, changeAlong: along }: TextureRange): string {
  return `Nor when the fine detail of its soft tissue changes within two pixels at less than ${inPlane.low} or more than ${inPlane.high} of places, or less than ${along.low} or more than ${along.high} times as often to the next slice as to the fourth: it is blurred or sharpened, or its slices are means of several.`;
}
