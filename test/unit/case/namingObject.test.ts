import { expect, test } from 'vitest';
import { namingObject } from '../../../src/case/namingObject.ts';
import { instanceOf } from '../assemble/syntheticStudy.ts';

const { header } = instanceOf({ patientName: 'OTHER^NAME' });
const slice = (path: string) => ({ path, sopInstanceUid: '', sopClassUid: '', sha256: '', positionMm: 0 });
const manifest = { slices: [slice('upper'), slice('lower')] };

test.each<[renamed: string[], naming: string | undefined]>([
  [[], 'upper'],
  [['scout'], 'upper'],
  [['upper'], 'lower'],
  [['upper', 'scout'], 'lower'],
  [['upper', 'lower'], 'scout'],
  [['upper', 'lower', 'scout'], undefined],
])('where %j came under another name, %s names the case', (renamed, naming) => {
  const objects = ['scout', 'lower', 'upper'].map((path) =>
    renamed.includes(path) ? { path, cameAs: header } : { path },
  );
  expect(namingObject(manifest, objects)?.path).toBe(naming);
});
