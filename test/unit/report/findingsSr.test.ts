import { describe, expect, it } from 'vitest';
import type { CaseManifest, Findings, KeySlice, ManifestSlice } from '../../../src/case/case.ts';
import type { Dataset, DatasetValue } from '../../../src/dicom/part10.ts';
import { findingsSr, type FindingsSrInput } from '../../../src/report/findingsSr.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** Five slices; no two of their facts are alike. */
const SLICES: ManifestSlice[] = [20, 21, 22, 23, 24].map((number, index) => ({
  sopClassUid: CT,
  sopInstanceUid: `1.3.${number}`,
  path: `${number}.dcm`,
  sha256: `${number}`.repeat(32),
  positionMm: -3 * index,
}));
const MANIFEST: CaseManifest = {
  seriesInstanceUid: '1.4.1',
  slices: SLICES,
  sliceSpacingMm: 3,
  coverageMm: 15,
  gaps: [],
  duplicateSopInstanceUids: [],
  series: [],
  inputSha256: 'ab'.repeat(32),
};

const SIZE = { rows: 60, columns: 50, transpose: false, flipRows: false, flipColumns: false, fullFrame: false };
const keySlice = (sliceIndex: number, score: number, crop: Partial<KeySlice['crop']>): KeySlice => ({
  sopInstanceUid: SLICES[sliceIndex]!.sopInstanceUid,
  sliceIndex,
  score,
  cam: [1],
  camRows: 1,
  camColumns: 1,
  crop: { ...SIZE, top: 10, left: 5, bottom: 42, right: 33, ...crop },
});
const SUSPECTED: Findings = {
  decision: 'suspected',
  reason: null,
  reasonCode: null,
  probability: 0.91347,
  threshold: { value: 0.42, version: 7 },
  domainDistance: 1,
  domainLimit: 3,
  slices: [],
  keySlices: [
    { ...keySlice(3, 0.94, {}), seriesNumber: 2, instanceNumber: 24, levels: ['C3', 'C4'] },
    keySlice(1, 0.7125, { top: 11, flipColumns: true }),
  ],
  model: { name: 'compact', version: '1.0.0', sha256: 'f0'.repeat(32) },
  provider: 'cpu',
  analysedAtMs: 0,
  seconds: {},
};
const NOT_SUSPECTED: Findings = { ...SUSPECTED, decision: 'not-suspected', probability: 0.043, keySlices: [] };
const NOT_ANALYSED: Findings = {
  ...NOT_SUSPECTED,
  decision: 'not-analysed',
  probability: null,
  threshold: null,
  reason: 'this looks like a head',
  reasonCode: 'outside-domain',
};

const capture = (number: number) => ({
  sopClassUid: SECONDARY_CAPTURE,
  sopInstanceUid: `1.5.${number}`,
  seriesInstanceUid: '1.4.5',
});
const evidenceOf = (slices: readonly ManifestSlice[]) =>
  slices.map((slice) => ({ ...slice, seriesInstanceUid: '1.4.1' }));
const input = (over: Partial<FindingsSrInput> = {}, source: Dataset = {}): FindingsSrInput => ({
  context: {
    source: {
      StudyInstanceUID: '1.2.1',
      StudyDate: '20261123',
      StudyTime: '101500.5',
      Rows: 60,
      Columns: 50,
      FrameOfReferenceUID: '1.6.1',
      ...source,
    },
    studyInstanceUid: '1.2.1',
    device: {
      manufacturer: 'Maker',
      modelName: 'Model',
      softwareVersions: '0.1 / 1.0',
      serialNumber: 'f0f0',
      uid: '1.7.1',
    },
    institutionName: 'Hospital',
    revision: 3,
    analysedAtMs: Date.UTC(2026, 10, 23, 12, 30, 15, 250),
  },
  findings: SUSPECTED,
  manifest: MANIFEST,
  sources: evidenceOf(SLICES),
  pictures: [capture(1), capture(2)],
  predecessor: null,
  locations: true,
  ...over,
});

const items = (dataset: Dataset, keyword: string): readonly Dataset[] => (dataset[keyword] ?? []) as readonly Dataset[];

/** A value, or values, in words; empty where there is none. */
function words(value: DatasetValue): string {
  if (Array.isArray(value)) return (value as readonly DatasetValue[]).map(words).join(' ');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What a content item says, whatever its value type. */
function said(item: Dataset): string {
  const [template] = items(item, 'ContentTemplateSequence');
  const [coded] = items(item, 'ConceptCodeSequence');
  const [measured] = items(item, 'MeasuredValueSequence');
  const [unit] = measured === undefined ? [] : items(measured, 'MeasurementUnitsCodeSequence');
  const [reference] = items(item, 'ReferencedSOPSequence');
  const of = (dataset: Dataset | undefined, ...keywords: string[]): string =>
    keywords
      .map((keyword) => words(dataset?.[keyword]))
      .filter((value) => value !== '')
      .join(' ');
  const value = [
    of(item, 'TextValue', 'UID', 'Date', 'Time', 'GraphicType', 'GraphicData'),
    of(coded, 'CodeValue'),
    of(measured, 'NumericValue'),
    of(unit, 'CodeValue'),
    of(reference, 'ReferencedSOPInstanceUID', 'ReferencedFrameNumber'),
  ].filter((part) => part !== '');
  return [
    of(item, 'RelationshipType', 'ValueType'),
    of(items(item, 'ConceptNameCodeSequence')[0], 'CodeValue'),
    template === undefined ? '' : `TID ${of(template, 'TemplateIdentifier')}`,
    ...(value.length === 0 ? [] : ['=', ...value]),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** The content tree as lines, the depth as indentation; tracking UIDs, which are digests, as their number. */
function outline(dataset: Dataset): string[] {
  const tracked: string[] = [];
  const lines = (item: Dataset, depth: number): string[] => {
    const line = said(item).replace(/(?<=112040 = )2\.25\.\d+$/, (uid) => {
      if (!tracked.includes(uid)) tracked.push(uid);
      return `uid ${tracked.indexOf(uid) + 1}`;
    });
    return ['  '.repeat(depth) + line, ...items(item, 'ContentSequence').flatMap((child) => lines(child, depth + 1))];
  };
  return lines(dataset, 0);
}
const below = (lines: readonly string[], start: string): string[] => {
  const from = lines.findIndex((line) => line.trim().startsWith(start));
  const depth = lines[from]!.search(/\S/);
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => line.search(/\S/) <= depth);
  return rest.slice(0, end === -1 ? undefined : end).map((line) => line.slice(depth + 2));
};

const OBSERVER = [
  '  HAS CONCEPT MOD CODE 121049 = en-US',
  '  HAS OBS CONTEXT CODE 121005 = 121007',
  '  HAS OBS CONTEXT UIDREF 121012 = 1.7.1',
  '  HAS OBS CONTEXT TEXT 121013 = Model',
  '  HAS OBS CONTEXT TEXT 121014 = Maker',
  '  HAS OBS CONTEXT TEXT 121015 = Model',
  '  HAS OBS CONTEXT TEXT 121016 = f0f0',
  '  HAS CONCEPT MOD CODE 121058 = 25045-6',
];
const DISCLAIMER =
  'Research software. Not a diagnosis. A scan without a flag can still show a fracture: read every scan as usual.';
const ALGORITHM = [
  'HAS CONCEPT MOD TEXT 111001 = Model',
  'HAS CONCEPT MOD TEXT 111003 = 0.1 / 1.0',
  'HAS CONCEPT MOD TEXT 111002 = model=compact 1.0.0',
  `HAS CONCEPT MOD TEXT 111002 = model-sha256=${'f0'.repeat(32)}`,
];

// Codes and templates: PS3.16 TID 1500, 1501, 1600, 1601, 4019 and 1004; the vertebrae CID 7603.
describe('the content tree', () => {
  it('with the side that the network knows at each vertebra of its slice, and nowhere else', () => {
    const [first, second] = SUSPECTED.keySlices;
    const findings: Findings = { ...SUSPECTED, keySlices: [{ ...first!, side: 'left' }, second!] };
    const lines = outline(findingsSr(input({ findings })));
    const sides = lines.flatMap((line, index) =>
      line.includes(' 272741003 ') ? lines.slice(index - 1, index + 1) : [],
    );
    expect(sides).toEqual([
      '      HAS CONCEPT MOD CODE 363698007 = 113205007',
      '        HAS CONCEPT MOD CODE 272741003 = 7771000',
      '      HAS CONCEPT MOD CODE 363698007 = 5329002',
      '        HAS CONCEPT MOD CODE 272741003 = 7771000',
    ]);
    expect(lines.some((line) => line.includes('C3-C4 left, series 2 image 24'))).toBe(true);
  });

  it('of a flagged scan, whole', () => {
    expect(outline(findingsSr(input()))).toEqual([
      'CONTAINER 126000 TID 1500',
      ...OBSERVER,
      '  CONTAINS CONTAINER 111028 TID 1600',
      '    CONTAINS CONTAINER 126200 TID 1601',
      '      HAS ACQ CONTEXT CODE 121139 = CT',
      '      HAS ACQ CONTEXT CODE 123014 = 122494005',
      '      HAS ACQ CONTEXT DATE 111060 = 20261123',
      '      HAS ACQ CONTEXT TIME 111061 = 101500.5',
      '      HAS ACQ CONTEXT NUM 110910 = 60 {pixels}',
      '      HAS ACQ CONTEXT NUM 110911 = 50 {pixels}',
      '      HAS ACQ CONTEXT UIDREF 112227 = 1.6.1',
      ...[20, 21, 22, 23, 24].map((number) => `      CONTAINS IMAGE = 1.3.${number}`),
      '  CONTAINS CONTAINER 126010',
      ...ALGORITHM.map((line) => `    ${line}`),
      '    HAS CONCEPT MOD TEXT 111002 = threshold=0.42',
      '    HAS CONCEPT MOD TEXT 111002 = threshold-version=7',
      '    HAS CONCEPT MOD TEXT 122405 = Maker',
      '    HAS CONCEPT MOD CODE 111000 = 123110',
      '    CONTAINS CONTAINER 125007 TID 1501',
      '      HAS OBS CONTEXT TEXT 112039 = AI fracture triage, cervical spine',
      '      HAS OBS CONTEXT UIDREF 112040 = uid 1',
      '      CONTAINS CODE 121071 = 125605004',
      '      HAS CONCEPT MOD CODE 363698007 = 122494005',
      '      CONTAINS IMAGE 130401 = 1.5.1',
      '      CONTAINS IMAGE 130401 = 1.5.2',
      '      CONTAINS NUM 111012 = 91.35 %',
      // The whole matrix, columns before rows.
      '      CONTAINS SCOORD 121112 = POLYLINE 0 0 50 0 50 60 0 60 0 0',
      '        SELECTED FROM IMAGE = 1.3.23',
      '      CONTAINS CODE 125605004 = 415684004',
      '      CONTAINS CODE 260870009 = 394849002',
      '      CONTAINS CODE 111017 = 111242',
      `      CONTAINS TEXT 121106 = AI flag: possible fracture. Review now. Not a diagnosis. C3-C4, series 2 image 24. AI score 0.91; flagged from 0.42 (threshold version 7). ${DISCLAIMER}`,
      '    CONTAINS CONTAINER 125007 TID 1501',
      '      HAS OBS CONTEXT TEXT 112039 = AI fracture triage, slice 4 of 5',
      '      HAS OBS CONTEXT UIDREF 112040 = uid 2',
      '      HAS CONCEPT MOD CODE 363698007 = 113205007',
      '      HAS CONCEPT MOD CODE 363698007 = 5329002',
      '      CONTAINS NUM 111012 = 94 %',
      '      CONTAINS SCOORD 121112 = POLYLINE 5 10 33 10 33 42 5 42 5 10',
      '        SELECTED FROM IMAGE = 1.3.23',
      '    CONTAINS CONTAINER 125007 TID 1501',
      '      HAS OBS CONTEXT TEXT 112039 = AI fracture triage, slice 2 of 5',
      '      HAS OBS CONTEXT UIDREF 112040 = uid 3',
      '      HAS CONCEPT MOD CODE 363698007 = 122494005',
      '      CONTAINS NUM 111012 = 71.25 %',
      // Stored the other way round: columns 50 - 33 to 50 - 5.
      '      CONTAINS SCOORD 121112 = POLYLINE 17 11 45 11 45 42 17 42 17 11',
      '        SELECTED FROM IMAGE = 1.3.21',
    ]);
  });

  it('of a scan that is not flagged, whole: nothing to measure, and no list of images', () => {
    expect(outline(findingsSr(input({ findings: NOT_SUSPECTED, pictures: [capture(1)] })))).toEqual([
      'CONTAINER NOTFLAGGED TID 1500',
      ...OBSERVER,
      '  CONTAINS CONTAINER 126010',
      ...ALGORITHM.map((line) => `    ${line}`),
      '    HAS CONCEPT MOD TEXT 111002 = threshold=0.42',
      '    HAS CONCEPT MOD TEXT 111002 = threshold-version=7',
      '    HAS CONCEPT MOD TEXT 122405 = Maker',
      '    HAS CONCEPT MOD CODE 111000 = 123110',
      '    CONTAINS CONTAINER 125007 TID 1501',
      '      HAS OBS CONTEXT TEXT 112039 = AI fracture triage, cervical spine: not flagged, read as usual',
      '      HAS OBS CONTEXT UIDREF 112040 = uid 1',
      '      HAS CONCEPT MOD CODE 363698007 = 122494005',
      '      CONTAINS IMAGE 130401 = 1.5.1',
      '      CONTAINS CODE 125605004 = 428263003',
      '      CONTAINS CODE 111017 = 111241',
      `      CONTAINS TEXT 121106 = AI did not flag this scan - read as usual. AI score 0.04; flagged from 0.42 (threshold version 7). ${DISCLAIMER}`,
    ]);
  });

  it.each([
    ['after its series was looked at', MANIFEST],
    ['without any series', null],
  ])('of a scan that was not analysed, %s, whole', (_, manifest) => {
    expect(outline(findingsSr(input({ findings: NOT_ANALYSED, manifest, pictures: [] })))).toEqual([
      'CONTAINER 121111',
      ...OBSERVER,
      '  CONTAINS CONTAINER 126010',
      ...ALGORITHM.map((line) => `    ${line}`),
      '    HAS CONCEPT MOD TEXT 122405 = Maker',
      '    HAS CONCEPT MOD CODE 111000 = 123110',
      '  CONTAINS CONTAINER C0034375',
      '    CONTAINS CODE 125605004 = 373068000',
      '    CONTAINS CODE 111017 = 111245',
      `    CONTAINS TEXT 121106 = Outside tested range (this looks like a head) - not scored. Read as usual. ${DISCLAIMER}`,
    ]);
  });

  it('without locations points at the middle slice and says of no slice how suspect it is', () => {
    const lines = outline(findingsSr(input({ locations: false })));
    expect(lines.filter((line) => /SCOORD|SELECTED|NUM 111012|112039/.test(line)).map((line) => line.trim())).toEqual([
      'HAS OBS CONTEXT TEXT 112039 = AI fracture triage, cervical spine',
      'CONTAINS NUM 111012 = 91.35 %',
      'CONTAINS SCOORD 121112 = POLYLINE 0 0 50 0 50 60 0 60 0 0',
      'SELECTED FROM IMAGE = 1.3.22',
    ]);
    expect(lines.join()).not.toMatch(/C3|image 24/);
  });

  it('of a flagged scan without a case score has the score of no case', () => {
    const lines = outline(findingsSr(input({ findings: { ...SUSPECTED, probability: null } })));
    expect(lines.filter((line) => line.includes('111012')).map((line) => line.trim())).toEqual([
      'CONTAINS NUM 111012 = 94 %',
      'CONTAINS NUM 111012 = 71.25 %',
    ]);
  });

  it.each<[string, Dataset, string[]]>([
    ['nothing', { StudyDate: null, StudyTime: null, Rows: null, Columns: null, FrameOfReferenceUID: null }, []],
    ['a date with dots', { StudyDate: '2026.11.23' }, ['TIME', '60', '50', '1.6.1']],
    ['a time with colons', { StudyTime: '10:15:00' }, ['DATE', '60', '50', '1.6.1']],
    ['a time to the second', { StudyTime: '101500' }, ['DATE', 'TIME', '60', '50', '1.6.1']],
    ['one row', { Rows: 1 }, ['DATE', 'TIME', '1', '50', '1.6.1']],
    ['no columns', { Columns: 0 }, ['DATE', 'TIME', '60', '1.6.1']],
  ])('tells of the images what their header says, and no more: %s', (_, source, kept) => {
    const lines = outline(findingsSr(input({}, source)));
    const shared = below(lines, 'CONTAINS CONTAINER 126200').filter((line) => line.startsWith('HAS ACQ CONTEXT'));
    expect(shared.slice(2).map((line) => /DATE|TIME|(?<== )[\d.]+/.exec(line)![0])).toEqual(kept);
    // A region needs a size, if only of one pixel.
    const { Rows: rows = 60, Columns: columns = 50 } = source as { Rows?: number | null; Columns?: number | null };
    const [bottom, right] = [rows || 1, columns || 1];
    expect(lines.find((line) => line.includes('SCOORD'))!.trim()).toBe(
      `CONTAINS SCOORD 121112 = POLYLINE 0 0 ${right} 0 ${right} ${bottom} 0 ${bottom} 0 0`,
    );
  });

  it('of frames names the object once, its frames from the first to the last, and of each key slice the frame', () => {
    // From the head to the feet: frames 30, 9, 100 of one object, 2 of another.
    const frames = [30, 9, 100, 2].map((frameNumber, index) => ({
      ...SLICES[0]!,
      sopInstanceUid: index === 3 ? '1.3.91' : '1.3.90',
      frameNumber,
    }));
    const keySlices = SUSPECTED.keySlices.map((one, index) => ({
      ...one,
      sopInstanceUid: '1.3.90',
      frameNumber: [100, 9][index]!,
    }));
    const lines = outline(
      findingsSr(input({ manifest: { ...MANIFEST, slices: frames }, findings: { ...SUSPECTED, keySlices } })),
    );
    expect(lines.filter((line) => /IMAGE =/.test(line)).map((line) => line.trim())).toEqual([
      'CONTAINS IMAGE = 1.3.90 9 30 100',
      'CONTAINS IMAGE = 1.3.91 2',
      'SELECTED FROM IMAGE = 1.3.90 100',
      'SELECTED FROM IMAGE = 1.3.90 100',
      'SELECTED FROM IMAGE = 1.3.90 9',
    ]);
    expect(lines.filter((line) => line.includes('112040')).map((line) => line.slice(-5))).toEqual([
      'uid 1',
      'uid 2',
      'uid 3',
    ]);
  });

  it('a key slice that is not of the series is an error, never another slice', () => {
    const elsewhere = { ...keySlice(1, 0.5, {}), sopInstanceUid: '1.3.99' };
    expect(() => findingsSr(input({ findings: { ...SUSPECTED, keySlices: [elsewhere] } }))).toThrow(
      /not a slice of the analysed series/,
    );
  });
});

describe('a tracking UID', () => {
  const uids = (over: Partial<FindingsSrInput>): unknown[] => {
    const found: unknown[] = [];
    const look = (item: Dataset): void => {
      if (said(item).includes(' 112040 = ')) found.push(item['UID']);
      for (const child of items(item, 'ContentSequence')) look(child);
    };
    look(findingsSr(input(over)));
    return found;
  };
  const { context } = input();

  it('stays with the same question about the same slices', () => {
    expect(uids({ context: { ...context, revision: 4, analysedAtMs: 1 } })).toEqual(uids({}));
    const lower = { ...SUSPECTED, probability: 0.5 };
    expect(uids({ findings: lower })).toEqual(uids({}));
  });

  it.each<[string, Partial<FindingsSrInput>]>([
    ['study', { context: { ...context, studyInstanceUid: '1.2.2' } }],
    ['series', { manifest: { ...MANIFEST, seriesInstanceUid: '1.4.2' } }],
    ['network', { context: { ...context, device: { ...context.device, uid: '1.7.2' } } }],
    ['pixels', { manifest: { ...MANIFEST, inputSha256: 'cd'.repeat(32) } }],
    ['threshold', { findings: { ...SUSPECTED, threshold: { value: 0.42, version: 8 } } }],
  ])('is another one for another %s', (_, over) => {
    expect(new Set([...uids(over), ...uids({})]).size).toBe(6);
  });
});

describe('the document', () => {
  const PART = { reasonCode: 'partial', reason: '27 of 48 slices came' };
  // PS3.3 C.17.2: PARTIAL with a description, CS and LO of 64 characters at most. CID 6047: CAD processing and findings summary.
  it.each<[string, Partial<FindingsSrInput>, unknown, string]>([
    ['flagged', {}, undefined, '111242'],
    ['not flagged', { findings: NOT_SUSPECTED }, undefined, '111241'],
    [
      'flagged in a part',
      { findings: { ...SUSPECTED, ...PART } },
      'Only a part of the scan: 27 of 48 slices came',
      '111244',
    ],
    [
      'not flagged in a part',
      { findings: { ...NOT_SUSPECTED, ...PART, reason: 'x'.repeat(60) } },
      `Only a part of the scan: ${'x'.repeat(39)}`,
      '111243',
    ],
    ['not analysed', { findings: NOT_ANALYSED }, 'The study could not be analysed', '111245'],
  ])('of a scan that is %s says whether it is complete', (_, over, description, summary) => {
    const report = findingsSr(input(over));
    expect([report['CompletionFlag'], report['CompletionFlagDescription']]).toEqual([
      description === undefined ? 'COMPLETE' : 'PARTIAL',
      description,
    ]);
    expect(outline(report).filter((line) => line.includes('111017'))[0]).toMatch(new RegExp(`= ${summary}$`));
  });

  it('says how much of the neck was seen, between score and warning', () => {
    const coverage = { slices: 27, extentMm: 80.6, levels: ['C2' as const], remarks: ['27 of 48 slices came'] };
    const lines = outline(findingsSr(input({ findings: { ...NOT_SUSPECTED, ...PART, coverage } })));
    expect(lines.at(-1)!.split(' = ')[1]).toBe(
      `Not analysed whole: only 27 of 48 slices came, no flag in them - read as usual. AI score 0.04; flagged from 0.42 (threshold version 7). Seen: 27 slices over 81 mm, C2. 27 of 48 slices came. ${DISCLAIMER}`,
    );
  });

  it('names what it rests on, what it shows and what it replaces', () => {
    const predecessor = {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
      sopInstanceUid: '1.8.1',
      seriesInstanceUid: '1.4.8',
    };
    const report = findingsSr(input({ sources: evidenceOf(SLICES.slice(0, 2)), pictures: [capture(4)], predecessor }));
    const reference = (sopClassUid: string, sopInstanceUid: string) => ({
      ReferencedSOPClassUID: sopClassUid,
      ReferencedSOPInstanceUID: sopInstanceUid,
    });
    expect(report['CurrentRequestedProcedureEvidenceSequence']).toEqual([
      {
        StudyInstanceUID: '1.2.1',
        ReferencedSeriesSequence: [
          { SeriesInstanceUID: '1.4.1', ReferencedSOPSequence: [reference(CT, '1.3.20'), reference(CT, '1.3.21')] },
          { SeriesInstanceUID: '1.4.5', ReferencedSOPSequence: [reference(SECONDARY_CAPTURE, '1.5.4')] },
        ],
      },
    ]);
    expect(report['PredecessorDocumentsSequence']).toEqual([
      {
        StudyInstanceUID: '1.2.1',
        ReferencedSeriesSequence: [
          {
            SeriesInstanceUID: '1.4.8',
            ReferencedSOPSequence: [reference('1.2.840.10008.5.1.4.1.1.88.34', '1.8.1')],
          },
        ],
      },
    ]);
    expect('PredecessorDocumentsSequence' in findingsSr(input())).toBe(false);
  });

  it('is preliminary, unverified, of research, and by a device', () => {
    const report = findingsSr(input());
    expect([
      report['SOPClassUID'],
      report['VerificationFlag'],
      report['PreliminaryFlag'],
      report['ContentQualification'],
      report['InstanceNumber'],
      report['SeriesNumber'],
    ]).toEqual(['1.2.840.10008.5.1.4.1.1.88.34', 'UNVERIFIED', 'PRELIMINARY', 'RESEARCH', 3, 9100]);
    const author = (institutionName: string) =>
      findingsSr(input({ context: { ...input().context, institutionName } }))['AuthorObserverSequence'];
    const device = {
      ObserverType: 'DEV',
      Manufacturer: 'Maker',
      ManufacturerModelName: 'Model',
      DeviceUID: '1.7.1',
      StationName: null,
      InstitutionCodeSequence: [],
    };
    expect(author('Hospital')).toEqual([{ ...device, InstitutionName: 'Hospital' }]);
    expect(author('')).toEqual([{ ...device, InstitutionName: null }]);
  });
});
