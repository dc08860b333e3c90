import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { changesAnalysis } from '../../../src/assemble/lateImages.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { CaseManifest, Findings, StoredInstance } from '../../../src/case/case.ts';
import { seriesOf } from './syntheticStudy.ts';

const UNCHANGED = { changes: false, isRead: true };
const BONE = { convolutionKernel: 'Br60f', seriesDescription: 'bone' };
const analysed = seriesOf({ series: 4, header: BONE });

function manifestOf(instances: readonly StoredInstance[], tried?: ReadonlyMap<string, string>): CaseManifest {
  const study = assembleStudy(instances, DEFAULT_SERIES_RULES, tried);
  if (study.type !== 'seriesChosen') throw new Error(study.reason);
  return study.manifest;
}

/** Whether `late` changes the analysis of `before`, and whether the whole study had to be read to know. */
async function judged(
  late: readonly StoredInstance[],
  before = analysed,
  manifest: CaseManifest | null = manifestOf(before),
  decision: Findings['decision'] = 'suspected',
  { reasonCode = null, reason = null }: Partial<Pick<Findings, 'reasonCode' | 'reason'>> = {},
) {
  let isRead = false;
  const changes = await changesAnalysis(
    {
      late: late.map(({ header }) => header),
      manifest,
      findings: { decision, reasonCode, reason },
      analysed: before[0]!.header,
      goneSeries: null,
      all: () => {
        isRead = true;
        return Promise.resolve([...before, ...late]);
      },
    },
    DEFAULT_SERIES_RULES,
  );
  return { changes, isRead };
}

describe('changesAnalysis', () => {
  it.each<[string, StoredInstance[], { changes: boolean; isRead: boolean }]>([
    [
      'a reformat',
      seriesOf({ series: 5, header: { imageType: ['DERIVED', 'SECONDARY', 'MPR'] } }),
      { changes: false, isRead: false },
    ],
    ['a soft series of the same slices', seriesOf({ series: 6 }), { changes: false, isRead: false }],
    [
      'a thicker bone series',
      seriesOf({ series: 7, spacingMm: 3, slices: 40, header: BONE }),
      { changes: false, isRead: false },
    ],
    [
      'a bone series that covers less',
      seriesOf({ series: 8, slices: 90, header: BONE }),
      { changes: false, isRead: true },
    ],
    [
      'too few slices to be analysed',
      seriesOf({ series: 9, slices: 19, header: BONE }),
      { changes: false, isRead: true },
    ],
    [
      'a slice that goes on where the series ends, and states less',
      seriesOf({ series: 4, slices: 1, topMm: -70, header: { sopInstanceUid: '1.2.3.4.99998' } }),
      { changes: true, isRead: true },
    ],
    [
      'a slice at a place that is taken',
      seriesOf({ series: 4, slices: 1, header: { ...BONE, sopInstanceUid: '1.2.3.4.99999' } }),
      { changes: false, isRead: true },
    ],
    [
      'a bone series that covers more',
      seriesOf({ series: 10, slices: 240, header: BONE }),
      { changes: true, isRead: true },
    ],
    [
      'one more slice of the series',
      seriesOf({ series: 4, slices: 1, topMm: 51, header: { ...BONE, sopInstanceUid: '1.2.3.4.99998' } }),
      { changes: true, isRead: true },
    ],
  ])('%s', async (_name, late, expected) => {
    expect(await judged(late)).toEqual(expected);
  });

  it('anything that can be analysed, where nothing was', async () => {
    const soft = seriesOf({ series: 6 });
    expect(await judged(soft, analysed, null)).toEqual({ changes: true, isRead: false });
    expect(await judged(soft, analysed, manifestOf(analysed), 'not-analysed')).toEqual({ changes: true, isRead: true });
  });

  it.each<[string, StoredInstance[], boolean]>([
    [
      'one more slice of it',
      seriesOf({ series: 4, slices: 1, topMm: 51, header: { ...BONE, sopInstanceUid: '1.2.3.4.99997' } }),
      true,
    ],
    ['too few slices of another', seriesOf({ series: 9, slices: 19, header: BONE }), false],
    [
      'a slice at a place that is taken',
      seriesOf({ series: 4, slices: 1, header: { ...BONE, sopInstanceUid: '1.2.3.4.99996' } }),
      false,
    ],
  ])('where the chosen series could not be analysed: %s', async (_name, late, changes) => {
    expect(await judged(late, analysed, manifestOf(analysed), 'not-analysed')).toEqual({ changes, isRead: true });
  });

  it.each<[string, StoredInstance[], { changes: boolean; isRead: boolean }]>([
    ['a series that cannot be analysed for the same reason', seriesOf({ series: 6, slices: 5 }), UNCHANGED],
    ['one with another reason', seriesOf({ series: 7, slices: 12 }), { changes: true, isRead: true }],
    ['one that can be analysed', analysed, { changes: true, isRead: true }],
  ])('where no series could be analysed: %s', async (_name, late, expected) => {
    const few = seriesOf({ series: 5, slices: 5 });
    const study = assembleStudy(few, DEFAULT_SERIES_RULES);
    if (study.type !== 'notEligible') throw new Error('a series of five slices is analysed');
    expect(await judged(late, few, null, 'not-analysed', study)).toEqual(expected);
    const rule = { reasonCode: 'kept-by-rule', reason: 'The selection rule hips only keeps it' };
    expect(await judged(late, few, null, 'not-analysed', rule)).toEqual({ changes: true, isRead: false });
  });

  it('not the series that was tried in vain before', async () => {
    const soft = seriesOf({ series: 6 });
    const before = [...soft, ...analysed];
    const tried = new Map([[manifestOf(before).inputSha256, 'its pixels are damaged']]);
    const manifest = manifestOf(before, tried);
    expect(manifest.seriesInstanceUid).toBe('1.2.3.6');
    expect((await judged(seriesOf({ series: 7, slices: 90 }), before, manifest)).changes).toBe(false);
  });

  const soft = seriesOf({ series: 6 });
  it.each<[string, StoredInstance[], StoredInstance[], Findings['decision'], boolean]>([
    ['the same series again', soft, soft, 'not-suspected', false],
    ['a part of it', soft, soft.slice(0, 40), 'not-suspected', false],
    [
      'one more slice of it',
      soft,
      seriesOf({ series: 6, slices: 1, topMm: 51, header: { sopInstanceUid: '1.2.3.6.99995' } }),
      'not-suspected',
      false,
    ],
    ['a better series', soft, analysed, 'not-suspected', true],
    ['a better series and the old one', soft, [...soft, ...analysed], 'not-suspected', true],
    ['too few slices of a better series', soft, analysed.slice(0, 19), 'not-suspected', false],
    ['a worse series', analysed, soft, 'suspected', false],
    ['a series like it', analysed, seriesOf({ series: 8, slices: 240, header: BONE }), 'suspected', false],
    ['a worse series, where nothing was analysed', analysed, soft, 'not-analysed', true],
    ['the same series, where nothing was analysed', analysed, analysed, 'not-analysed', false],
  ])('where the files are gone: %s', async (_name, before, here, decision, changes) => {
    const images = {
      late: here.map(({ header }) => header),
      manifest: manifestOf(before),
      findings: { decision, reasonCode: null, reason: null },
      analysed: before[0]!.header,
      goneSeries: new Set([before[0]!.header.seriesInstanceUid]),
      all: () => Promise.resolve(here),
    };
    expect(await changesAnalysis(images, DEFAULT_SERIES_RULES)).toBe(changes);
  });

  it('slices that complete what was said to be incomplete', async () => {
    const before = seriesOf({ series: 4, header: { ...BONE, acquisitionNumber: 1, imagesInAcquisition: 200 } });
    const more = seriesOf({ series: 6, header: { acquisitionNumber: 1, imagesInAcquisition: 200 } });
    expect(manifestOf(before).cutShort).toEqual({ came: 120, stated: 200 });
    expect((await judged(more, before)).changes).toBe(true);
  });
});
