import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { viewerLink } from '../../../src/page/parts/viewerLink.ts';

const guide = await readFile(join(packageRoot, 'docs/dicomweb.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);

const STUDY = {
  studyInstanceUid: '1.2.3',
  accessionNumber: 'A7',
  patientId: 'P8',
  keySlices: [{ sopInstanceUid: '1.2.3.44', seriesInstanceUid: '1.2.3.4', sliceIndex: 5, score: 0.9, levels: [] }],
};

it('links OHIF, Weasis and RadiAnt to the study as docs/dicomweb.md says', () => {
  const [ohif, weasis, radiant] = blocks('yaml').map((text) =>
    viewerLink(configFrom(parse(text)).worklist.viewerUrl, STUDY),
  );
  const { pathname, searchParams } = new URL(ohif!);
  expect([pathname, Object.fromEntries(searchParams)]).toEqual([
    '/viewer',
    { StudyInstanceUIDs: '1.2.3', initialSOPInstanceUID: '1.2.3.44' },
  ]);
  // Weasis decodes the whole address, and takes what follows a dollar sign as its command.
  expect([weasis!.slice(0, 9), decodeURIComponent(weasis!).split('$').slice(1)]).toEqual([
    'weasis://',
    ['dicom:rs --url "https://viewer.example/dicom-web" -r "studyUID=1.2.3"'],
  ]);
  // RadiAnt takes names and values of its command line in turn (its manual, "URL protocol").
  const asked = new URL(radiant!);
  expect([asked.protocol, asked.searchParams.getAll('n'), asked.searchParams.getAll('v')]).toEqual([
    'radiant:',
    ['paet', 'pstv'],
    ['ARCHIVE', '0020000D', '"1.2.3"'],
  ]);
});

it('configures OHIF for DICOMweb at the address that the proxy hands on', () => {
  const window = {} as {
    config: {
      extensions: unknown;
      modes: unknown;
      defaultDataSourceName: string;
      dataSources: { sourceName: string; configuration: { qidoRoot: string; wadoRoot: string } }[];
    };
  };
  runInNewContext(blocks('js')[0]!, { window });
  // OHIF 3.13 walks both before it shows anything.
  expect([window.config.extensions, window.config.modes].map(String)).toEqual(['', '']);
  const source = window.config.dataSources.find(({ sourceName }) => sourceName === window.config.defaultDataSourceName);
  const [, location] = /location (\S+)\/ \{/.exec(blocks('nginx')[0]!)!;
  expect([source!.configuration.qidoRoot, source!.configuration.wadoRoot]).toEqual([location, location]);
});
