import { expect, it } from 'vitest';
import type { InstanceHeader } from '../../../src/case/case.ts';
import { filledAttributes } from '../../../src/case/filledAttributes.ts';

it.each<[Partial<InstanceHeader>, number]>([
  [{}, 0],
  [{ manufacturer: 'Test', rows: 96 }, 2],
  [{ manufacturer: '', rows: 96, studyTime: '101500' }, 2],
  [{ rows: null, instanceNumber: 0 }, 1],
  [{ imageType: [] }, 0],
  [{ imageType: ['ORIGINAL'], modality: 'CT' }, 2],
  [{ manufacturer: '', rows: null, imageType: [], modality: 'CT' }, 1],
])('a header of %j states %d attributes', (header, count) => {
  expect(filledAttributes(header as InstanceHeader)).toBe(count);
});
