import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha1 } from '../../../src/page/parts/sha1.ts';
import { viewerLink } from '../../../src/page/parts/viewerLink.ts';

const study = { studyInstanceUid: '2.25.471', accessionNumber: 'A/7', patientId: 'P 1', keySlices: [] };

test('each placeholder is filled in with the value of its name', () => {
  // From: printf 'P 1|2.25.471' | sha1sum
  expect(
    viewerLink('https://v.example/{patientId}/{accessionNumber}?s={studyInstanceUid}&o={orthancStudyId}', study),
  ).toBe('https://v.example/P%201/A%2F7?s=2.25.471&o=7d66034e-6066135e-bfd6e14f-3c178c9a-eebecc90');
});

test('a link leads to the best key image, and to none where there is none', () => {
  const keySlices = ['1.2.9', '1.2.4'].map((sopInstanceUid) => ({
    sopInstanceUid,
    seriesInstanceUid: '2.25.8',
    sliceIndex: 3,
    score: 0.9,
    levels: [],
  }));
  const template = 'https://v.example/?s={studyInstanceUid}&i={keySopInstanceUid}';
  expect(viewerLink(template, { ...study, keySlices })).toBe('https://v.example/?s=2.25.471&i=1.2.9');
  expect(viewerLink(template, study)).toBe('https://v.example/?s=2.25.471&i=');
});

test('in the Explorer of Orthanc it leads to the page of the best key image, and of the study where there is none, or an earlier version has left out its series', () => {
  const template = 'http://orthanc.example/app/explorer.html#{orthancPage}';
  const keySlice = { sopInstanceUid: '1.2.9', seriesInstanceUid: '2.25.8', sliceIndex: 3, score: 0.9, levels: [] };
  // From: printf 'P 1|2.25.471|2.25.8|1.2.9' | sha1sum
  expect(viewerLink(template, { ...study, keySlices: [keySlice] })).toBe(
    'http://orthanc.example/app/explorer.html#instance?uuid=e51f0544-778e73d1-d1677c65-20bf4a53-20fd6e1d',
  );
  const ofStudy = 'http://orthanc.example/app/explorer.html#study?uuid=7d66034e-6066135e-bfd6e14f-3c178c9a-eebecc90';
  expect(viewerLink(template, study)).toBe(ofStudy);
  expect(viewerLink(template, { ...study, keySlices: [{ ...keySlice, seriesInstanceUid: '' }] })).toBe(ofStudy);
});

test('there is no link without a viewer, or to a study that is not named', () => {
  expect(viewerLink(null, study)).toBeNull();
  expect(viewerLink('https://v.example/{orthancStudyId}', { ...study, studyInstanceUid: '' })).toBeNull();
});

test('SHA-1 is that of OpenSSL, for texts of any length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      expect(sha1(text)).toBe(createHash('sha1').update(text).digest('hex'));
    }),
  );
  for (const length of [0, 55, 56, 63, 64, 119, 120, 1_000])
    expect(sha1('x'.repeat(length))).toBe(createHash('sha1').update('x'.repeat(length)).digest('hex'));
});
