import { expect, test } from 'vitest';
import type { CaseAnswer } from '../../../src/answers/caseAnswer.ts';
import { imageName } from '../../../src/page/case/sliceName.ts';

test('a slice is called by its image, and in a multi-frame object by its frame too', () => {
  const answer = { series: [{ chosen: true, seriesNumber: 2 }] } as CaseAnswer;
  const volume = { instanceNumbers: [7, 8, null] } as NonNullable<CaseAnswer['volume']>;
  expect([0, 1, 2].map((index) => imageName(answer, volume, index))).toEqual([
    'Series 2 image 7',
    'Series 2 image 8',
    '',
  ]);
  const frames = { ...volume, instanceNumbers: [1, 1, 1], frameNumbers: [31, 30, null] };
  expect([0, 1, 2].map((index) => imageName(answer, frames, index))).toEqual([
    'Series 2 image 1 frame 31',
    'Series 2 image 1 frame 30',
    'Series 2 image 1',
  ]);
});
