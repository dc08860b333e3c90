import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import type { ModelPackage, SliceSequenceCard } from '../../../src/infer/modelCard.ts';
import { openSliceSequenceModel } from '../../../src/infer/sliceSequenceModel.ts';
import type { SliceSequenceModel } from '../../../src/infer/sliceSequenceModel.ts';

const CPU = { provider: 'cpu', threads: 1 } as const;

describe('openSliceSequenceModel', () => {
  let shipped: ModelPackage<SliceSequenceCard>;
  let model: SliceSequenceModel;
  beforeAll(async () => {
    shipped = (await loadModelPackage(path.resolve('models/compact'))) as typeof shipped;
    model = await openSliceSequenceModel(shipped, CPU);
  });
  const withCard = (edit: (card: SliceSequenceCard) => void): typeof shipped => {
    const card = structuredClone(shipped.card);
    edit(card);
    return { ...shipped, card };
  };

  it('says which provider runs; auto falls back where there is no CUDA', async () => {
    expect(model.provider).toBe('cpu');
    const auto = await openSliceSequenceModel(shipped, { provider: 'auto', threads: 1 });
    let cuda: string;
    try {
      cuda = (await openSliceSequenceModel(shipped, { provider: 'cuda', threads: 1 })).provider;
    } catch (error) {
      expect(error).toMatchObject({
        code: 'config-invalid',
        message: expect.stringContaining('set it to auto') as string,
      });
      cuda = 'cpu';
    }
    expect(auto.provider).toBe(cuda);
  });

  it('gives outputs of the shapes and ranges that the card names', async () => {
    const { input } = shipped.card;
    const encoding = await model.encode(new Float32Array(3 * input.sizePixels ** 2).fill(0.3));
    expect([encoding.feature.length, encoding.cam.length]).toEqual([
      input.featureLength,
      input.camRows * input.camColumns,
    ]);
    expect(encoding.cam.every((value) => value >= 0)).toBe(true);
    expect(encoding.imageProbability).toBeGreaterThanOrEqual(0);
    expect(encoding.imageProbability).toBeLessThanOrEqual(1);
    const features = new Float32Array(5 * input.featureLength);
    for (let slice = 0; slice < 5; slice++) features.set(encoding.feature, slice * input.featureLength);
    const score = await model.classify(features);
    expect(score.sliceScores).toHaveLength(5);
    expect(score.probability).toBeGreaterThanOrEqual(0);
    expect(score.probability).toBeLessThanOrEqual(1);
    expect(score.domainLimit).toBe(shipped.card.domain.limit);
  });

  it('refuses a model whose golden case differs, in either graph', async () => {
    for (const edit of [
      (card: SliceSequenceCard) => (card.golden.encoder.featureHead[3]! += 0.1),
      (card: SliceSequenceCard) => (card.golden.encoder.camMean += 0.1),
      (card: SliceSequenceCard) =>
        (card.golden.classifier.caseProbability += card.golden.classifier.caseProbability > 0.5 ? -0.1 : 0.1),
      (card: SliceSequenceCard) => card.golden.classifier.sliceScores.push(0.5),
      (card: SliceSequenceCard) => (card.golden.classifier.sliceLevels![1]![2]! += 0.1),
    ]) {
      await expect(openSliceSequenceModel(withCard(edit), CPU)).rejects.toMatchObject({
        code: 'model-invalid',
        message: expect.stringContaining('golden case') as string,
      });
    }
  });

  it('refuses graphs that are not those of the card', async () => {
    for (const edit of [
      (card: SliceSequenceCard) => (card.input.featureLength += 1),
      (card: SliceSequenceCard) => (card.input.sizePixels -= 32),
      (card: SliceSequenceCard) => (card.input.camRows += 1),
      (card: SliceSequenceCard) => (card.outputs.sliceScore = 'score'),
      (card: SliceSequenceCard) => (card.outputs.sliceLevel = 'level'),
      (card: SliceSequenceCard) => card.levels!.pop(),
    ]) {
      await expect(openSliceSequenceModel(withCard(edit), CPU)).rejects.toMatchObject({ code: 'model-invalid' });
    }
    await expect(
      openSliceSequenceModel(
        { ...shipped, graphs: { ...shipped.graphs, sliceEncoder: new Uint8Array([1, 2, 3]) } },
        CPU,
      ),
    ).rejects.toMatchObject({ code: 'model-invalid' });
  });

  it('names a case beyond the domain limit, by the statistic of the card', async () => {
    const { featureLength } = shipped.card.input;
    const { feature } = await model.encode(new Float32Array(3 * shipped.card.input.sizePixels ** 2));
    // One slice as it comes, one far off, and one in between.
    const features = Float32Array.from(
      { length: 3 * featureLength },
      (_, index) => feature[index % featureLength]! * [1, 100, 10][Math.floor(index / featureLength)]!,
    );
    const distances: Partial<Record<SliceSequenceCard['domain']['statistic'], number>> = {};
    for (const statistic of ['median', 'mean', 'maximum'] as const) {
      const opened = await openSliceSequenceModel(
        withCard((card) => (card.domain.statistic = statistic)),
        CPU,
      );
      distances[statistic] = (await opened.classify(features)).domainDistance;
    }
    expect(distances.maximum).toBeGreaterThanOrEqual(distances.mean!);
    expect(distances.maximum).toBeGreaterThanOrEqual(distances.median!);
    const limit = Math.max(distances.median! / 2, Number.MIN_VALUE);
    const strict = await openSliceSequenceModel(
      withCard((card) => Object.assign(card.domain, { statistic: 'maximum', limit })),
      CPU,
    );
    const outside = (await strict.classify(features)).outsideDomain;
    if (distances.maximum! > limit) expect(outside).toMatch(/distance .*limit/);
    else expect(outside).toBeNull();
  });

  it('names no vertebra where the package names none', async () => {
    const without = withCard((card) => {
      delete card.levels;
      delete card.outputs.sliceLevel;
      delete card.golden.classifier.sliceLevels;
    });
    const opened = await openSliceSequenceModel(without, CPU);
    const score = await opened.classify(new Float32Array(2 * shipped.card.input.featureLength).fill(0.1));
    expect(score.sliceLevels).toEqual([[], []]);
  });

  it('fails on features that are no whole slices, or not finite', async () => {
    await expect(model.classify(new Float32Array(0))).rejects.toMatchObject({ code: 'inference-failed' });
    await expect(model.classify(new Float32Array(shipped.card.input.featureLength + 1))).rejects.toMatchObject({
      code: 'inference-failed',
    });
    await expect(
      model.classify(new Float32Array(shipped.card.input.featureLength).fill(Number.NaN)),
    ).rejects.toMatchObject({ code: 'inference-failed' });
  });
});
