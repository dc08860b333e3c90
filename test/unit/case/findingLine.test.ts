import { expect, test } from 'vitest';
import { findingLine, imageName, levelRange } from '../../../src/case/findingLine.ts';

const best = { sliceIndex: 24, seriesNumber: 2, instanceNumber: 57, levels: ['C4', 'C5', 'C6'] as const };
const without = (...names: (keyof typeof best)[]) =>
  Object.fromEntries(
    Object.entries(best).filter(([name]) => !names.includes(name as keyof typeof best)),
  ) as typeof best;

test.each([
  ['levels as a range, and the image as the PACS names it', best, 'C4-C6, series 2 image 57'],
  [
    'a frame of a multi-frame object',
    { ...best, instanceNumber: 1, frameNumber: 31 },
    'C4-C6, series 2 image 1 frame 31',
  ],
  ['one level', { ...best, levels: ['C7'] as const }, 'C7, series 2 image 57'],
  ['a side', { ...best, levels: ['C7'] as const, side: 'left' as const }, 'C7 left, series 2 image 57'],
  ['a side without a level', { ...best, levels: [], side: 'right' as const }, 'Right, series 2 image 57'],
  ['no level', { ...best, levels: [] }, 'Series 2 image 57'],
  ['findings from before networks named levels', without('levels'), 'Series 2 image 57'],
  ['no series number', { ...best, seriesNumber: null }, 'C4-C6, image 57'],
  ['no instance number', { ...best, instanceNumber: null }, 'C4-C6, slice 25 from the head'],
  [
    'findings from before the numbers were kept',
    without('seriesNumber', 'instanceNumber'),
    'C4-C6, slice 25 from the head',
  ],
  ['nothing but the place', without('seriesNumber', 'instanceNumber', 'levels'), 'Slice 25 from the head'],
])('%s', (_what, slice, line) => {
  expect(findingLine([slice, { ...best, sliceIndex: 3, instanceNumber: 36 }])).toBe(line);
});

test('without a key slice there is no line, and an image without a number has no name', () => {
  expect(findingLine([])).toBeNull();
  expect(imageName({ seriesNumber: 2, instanceNumber: null, frameNumber: 4 })).toBeNull();
  expect(imageName({ instanceNumber: 0 })).toBe('image 0');
  expect(levelRange([])).toBe('');
});
