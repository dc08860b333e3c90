import { expect, test } from 'vitest';
import { refusedReports } from '../../../src/compose/commitments.ts';
import { configFrom } from '../../../src/config/configFile.ts';

const pacs = { name: 'pacs', kind: 'dimse', aeTitle: 'ARCHIVE', host: '10.1.0.4', port: 104 } as const;
const web = { name: 'web', kind: 'dicomweb', url: 'https://research.example/dicom-web' } as const;
const scanner = { aeTitle: 'CT_ED', addresses: ['10.1.3.7'] };

test.each([
  [
    'that is no sender',
    { ...pacs, commitment: true },
    [scanner],
    /add \{aeTitle: ARCHIVE, addresses: \[10\.1\.0\.4\]\}/,
  ],
  ['that is a sender', { ...pacs, commitment: true }, [scanner, { ...scanner, aeTitle: 'ARCHIVE' }], null],
  ['that is not asked', pacs, [scanner], null],
  ['by DICOMweb', web, [scanner], null],
])('late reports on commitments of a destination %s', (_, destination, sources, wrong) => {
  const config = configFrom({ receive: { sources }, destinations: [destination] });
  const said = refusedReports(config.destinations[0]!, config.receive.sources);
  expect(said).toEqual(wrong === null ? [] : [expect.stringMatching(wrong)]);
});
