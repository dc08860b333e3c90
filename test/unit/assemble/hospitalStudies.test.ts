import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { readFileHeader } from '../../../src/dicom/header.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { hospitalStudy, MAKERS, PARTS, type Maker, type Part } from '../../pipeline/hospitalStudy.ts';

const phantom = generatePhantom(
  drawPhantomParams(12, { rows: 64, columns: 64, sliceSpacingMm: 3, fractures: 'none' as const }),
);

type Received = StoredInstance & { part: Part };

function received(maker: Maker): Received[] {
  const objects = hospitalStudy({ phantom, key: maker, maker, parts: PARTS, studyDateTime: '20260102030405' });
  return objects.map(({ part, bytes, sopInstanceUid }, index) => ({
    part,
    header: readFileHeader(bytes),
    path: `${sopInstanceUid}.dcm`,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sizeBytes: bytes.length,
    receivedAtMs: index,
    sourceAeTitle: '',
  }));
}

/** Which part is analysed, and the digest of the input; the reason where none is. */
function outcome(instances: readonly Received[]): string {
  const study = assembleStudy(instances, DEFAULT_SERIES_RULES);
  if (study.type === 'notEligible') return study.reason;
  const { seriesInstanceUid, inputSha256, cutShort } = study.manifest;
  const part = instances.find(({ header }) => header.seriesInstanceUid === seriesInstanceUid)?.part ?? 'none';
  return `${part} ${inputSha256} ${JSON.stringify(cutShort)}`;
}

describe.each(Object.keys(MAKERS) as Maker[])('a study of %s', (maker) => {
  const all = received(maker);
  const bone = all.filter(({ part }) => part === 'axialBone');
  const expected = outcome(bone);

  it('is analysed by its thin bone series, in whatever order and company it comes', () => {
    expect(expected).toMatch(/^axialBone /);
    fc.assert(
      fc.property(
        fc.subarray(PARTS.filter((part) => part !== 'axialBone')),
        fc.array(fc.nat(), { minLength: all.length, maxLength: all.length }),
        (parts, keys) => {
          const present = all
            .map((instance, index) => ({ instance, key: keys[index]! }))
            .filter(({ instance }) => instance.part === 'axialBone' || parts.includes(instance.part))
            .sort((a, b) => a.key - b.key)
            .map(({ instance }) => instance);
          expect(outcome(present)).toBe(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('without a thin axial series is not analysed, with a reason', () => {
    const others = all.filter(({ part }) => part !== 'axialBone' && part !== 'axialSoft');
    fc.assert(
      fc.property(fc.subarray(PARTS.slice(), { minLength: 1 }), (parts) => {
        const present = others.filter(({ part }) => parts.includes(part));
        expect(outcome(present)).not.toMatch(/^(axial|mono|iodine|projection|contrast|local)/);
      }),
      { numRuns: 30 },
    );
  });
});
