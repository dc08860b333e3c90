import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nextTurn } from '../../../src/base/clock.ts';
import type { Findings } from '../../../src/case/case.ts';
import { isValidUid } from '../../../src/dicom/uids.ts';
import type { ClaimedCase } from '../../../src/case/claim.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { SR_STORAGE } from '../../../src/dicom/sopClasses.ts';
import { createResultWriter, partOfReport } from '../../../src/report/writeResults.ts';
import {
  asEnhancedCt,
  COLUMNS,
  dciodvfyErrors,
  ineligible,
  makeStudy,
  notAnalysed,
  notSuspected,
  pydicomJson,
  ROWS,
  run,
  suspected,
  type Study,
} from './reportFixture.ts';
import { python } from './python.ts';

interface Element {
  vr: string;
  Value?: unknown[];
}
type Json = Record<string, Element>;

let study: Study;
beforeAll(async () => {
  study = await makeStudy();
});
afterAll(() => study.remove());

/** Gives a file another patient ID, name and accession number. */
const RENAME = [
  'import sys,pydicom',
  'path,id,name,accession=sys.argv[1:]',
  'd=pydicom.dcmread(path)',
  'd.PatientID,d.PatientName,d.AccessionNumber=id,name,accession',
  "d.FrameOfReferenceUID='2.25.4711'",
  'd.save_as(path)',
].join('\n');
const REASON = 'Only a localizer and a 5 mm reformat: no thin axial CT series';
const PREVIOUS = {
  sopClassUid: SR_STORAGE.comprehensive3d,
  sopInstanceUid: '2.25.11',
  seriesInstanceUid: '2.25.12',
};
const KINDS: Record<string, (claim: ClaimedCase) => [ClaimedCase, Findings]> = {
  suspected: (claim) => [claim, suspected(claim)],
  'not suspected': (claim) => [claim, notSuspected(claim)],
  'not analysed, no series': (claim) => [ineligible(claim), notAnalysed(REASON, 'no-axial')],
  'not analysed, outside the domain': (claim) => [claim, notAnalysed('bone unlike any trained on', 'outside-domain')],
  superseding: (claim) => [
    { ...claim, previousSr: [{ ...PREVIOUS, sopInstanceUid: '2.25.10' }, PREVIOUS] },
    suspected(claim),
  ],
};

interface Written {
  objects: ResultObject[];
  sr: ResultObject;
  captures: ResultObject[];
  /** Of the objects, in the same order. */
  json: Json[];
}

/** A report of each kind, written and read once. */
const reports = new Map<string, Promise<Written>>();
function report(kind: string): Promise<Written> {
  const known = reports.get(kind) ?? write(kind);
  reports.set(kind, known);
  return known;
}

async function write(kind: string, options: { heatmaps?: boolean } = {}): Promise<Written> {
  const writer = createResultWriter({ ...study.options, options: { ...study.options.options, ...options } });
  const objects = await writer.write(...KINDS[kind]!(study.claim));
  const [sr, ...captures] = objects;
  return { objects, sr: sr!, captures, json: await pydicomJson(...objects.map(({ path }) => path)) };
}

async function errorsOf(objects: readonly ResultObject[]): Promise<string[]> {
  return (await Promise.all(objects.map(({ path }) => dciodvfyErrors(path)))).flat();
}

const first = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];
const items = (json: Json, tag: string): Json[] => (json[tag]?.Value ?? []) as Json[];
const codeOf = (json: Json, tag: string): unknown => items(json, tag)[0] && first(items(json, tag)[0]!, '00080100');

interface Node {
  relationship: unknown;
  type: unknown;
  concept: unknown;
  json: Json;
  children: Node[];
}
function tree(json: Json): Node {
  return {
    relationship: first(json, '0040A010'),
    type: first(json, '0040A040'),
    concept: codeOf(json, '0040A043'),
    json,
    children: items(json, '0040A730').map(tree),
  };
}
const walk = (node: Node): Node[] => [node, ...node.children.flatMap(walk)];
/** Instances in a sequence of study > series > instances. */
const instancesIn = (json: Json, tag: string): unknown[] =>
  items(json, tag).flatMap((item) =>
    items(item, '00081115').flatMap((series) =>
      items(series, '00081199').map((instance) => first(instance, '00081155')),
    ),
  );
const named = (nodes: Node[], concept: string): Node[] => nodes.filter((node) => node.concept === concept);
const valueOf = (node: Node | undefined): unknown => node && codeOf(node.json, '0040A168');

describe.each(Object.keys(KINDS))('a report of a case that is: %s', (kind) => {
  let written: Written;
  beforeAll(async () => {
    written = await report(kind);
  });

  test('passes dciodvfy and dsrdump, with evidence for every instance that it names', async () => {
    const { objects, sr, captures, json } = written;
    expect(await errorsOf(objects)).toEqual([]);
    const { stdout, stderr } = await run('dsrdump', [sr.path]);
    const title = kind.startsWith('not analysed')
      ? 'Summary'
      : kind === 'not suspected'
        ? 'AI triage: not flagged - read as usual'
        : 'Imaging Measurement Report';
    expect(stdout).toContain(`<CONTAINER:(,,"${title}")=SEPARATE>`);
    expect(stderr.split('\n').filter((line) => /^[EF]:/.test(line))).toEqual([]);

    const referenced = walk(tree(json[0]!)).flatMap((node) =>
      items(node.json, '00081199').map((item) => first(item, '00081155')),
    );
    const evidence = instancesIn(json[0]!, '0040A375');
    expect(new Set(evidence).size).toBe(evidence.length);
    for (const uid of [...referenced, ...captures.map(({ sopInstanceUid }) => sopInstanceUid)])
      expect(evidence).toContain(uid);
  });

  test('says nothing that a tired reader could take for an all-clear', () => {
    const words: string[] = [];
    JSON.stringify(written.json, (_, value: unknown) => {
      if (typeof value === 'string') words.push(value);
      return value;
    });
    expect(words).toContain('RESEARCH');
    expect(
      words.filter((word) => /\b(negative|normal|clear|cleared|safe|rule[sd]? out|confidence)\b/i.test(word)),
    ).toEqual([]);
  });

  test('is byte for byte the same when written again', async () => {
    const bytes = await Promise.all(written.objects.map(({ path }) => readFile(path)));
    const writer = createResultWriter(study.options);
    const again = await writer.write(...KINDS[kind]!(study.claim));
    expect(again).toEqual(written.objects);
    for (const [index, { path }] of again.entries()) expect(bytes[index]!.equals(await readFile(path))).toBe(true);
    expect((await readdir(join(written.sr.path, '..'))).filter((name) => !name.endsWith('.dcm'))).toEqual([]);
  });
});

describe('the tree', () => {
  test('of a suspected case has the finding, its key slices and the network that judged', async () => {
    const {
      captures,
      json: [json],
    } = await report('suspected');
    const nodes = walk(tree(json!));
    expect(first(named(nodes, '121106')[0]!.json, '0040A160')).toMatch(
      /^AI flag: possible fracture\. Review now\. Not a diagnosis\. C5-C6, series 3 image 41\. AI score 0\.91/,
    );
    expect(valueOf(named(nodes, '121071')[0])).toBe('125605004');
    expect(valueOf(named(nodes, '125605004')[0])).toBe('415684004');
    expect(valueOf(named(nodes, '260870009')[0])).toBe('394849002');
    expect(named(nodes, '111012').map((node) => first(items(node.json, '0040A300')[0]!, '0040A30A'))).toEqual([
      91.3, 94, 71,
    ]);
    expect(named(nodes, '130401').map((node) => first(items(node.json, '00081199')[0]!, '00081155'))).toEqual(
      captures.map((capture) => capture.sopInstanceUid),
    );
    expect(named(nodes, '111002').map((node) => first(node.json, '0040A160'))).toEqual([
      'model=compact 1.0.0',
      `model-sha256=${'0123456789abcdef'.repeat(4)}`,
      'threshold=0.42',
      'threshold-version=7',
    ]);
    // Every measurement group has a region and a tracking UID of its own: some viewers throw without.
    const groups = named(nodes, '125007');
    expect(groups).toHaveLength(3);
    expect(new Set(groups.map((group) => first(named(group.children, '112040')[0]!.json, '0040A124'))).size).toBe(3);
    // The case, the slice between C5 and C6, and a slice of which no vertebra is named.
    expect(groups.map((group) => named(group.children, '363698007').map(valueOf))).toEqual([
      ['122494005'],
      ['36978003', '36054005'],
      ['122494005'],
    ]);
    // The case has the whole of the best slice, whose own group has the analysed field: viewers draw the numbers of equal regions over each other.
    const regions = groups.map((group) => group.children.find((child) => child.type === 'SCOORD')!);
    expect(regions.map((region) => region.json['00700022']?.Value)).toEqual([
      [0, 0, COLUMNS, 0, COLUMNS, ROWS, 0, ROWS, 0, 0],
      [5, 10, 75, 10, 75, 90, 5, 90, 5, 10],
      [5, 10, 75, 10, 75, 90, 5, 90, 5, 10],
    ]);
    const { slices } = study.claim.record.manifest!;
    expect(regions.map((region) => first(items(region.children[0]!.json, '00081199')[0]!, '00081155'))).toEqual(
      [9, 9, 11].map((index) => slices[index]!.sopInstanceUid),
    );
    expect([
      first(json!, '0040A491'),
      first(json!, '0040A493'),
      first(json!, '0040A496'),
      first(json!, '00189004'),
    ]).toEqual(['COMPLETE', 'UNVERIFIED', 'PRELIMINARY', 'RESEARCH']);
    expect(first(json!, '00200013')).toBe(3);
    expect(json!['0040A360']).toBeUndefined();
  });

  test('of an unflagged case has no Finding anywhere, no region, no key slice and no priority', async () => {
    const { captures, json } = await report('not suspected');
    const nodes = walk(tree(json[0]!));
    expect(named(nodes, '121071')).toEqual([]);
    expect(nodes.filter((node) => valueOf(node) === '125605004')).toEqual([]);
    expect(named(nodes, '125605004').map(valueOf)).toEqual(['428263003']);
    expect(named(nodes, '260870009')).toEqual([]);
    expect(named(nodes, '125007')).toHaveLength(1);
    expect(nodes.filter(({ type }) => type === 'SCOORD' || type === 'NUM')).toEqual([]);
    expect(captures).toHaveLength(1);
    expect(first(json[1]!, '0008103E')).toBe('AI C-spine triage card (NOT DIAGNOSTIC)');
  });

  test.each(['not analysed, no series', 'not analysed, outside the domain'])(
    'of a case that is %s has the reason and no measurement',
    async (kind) => {
      const { json } = await report(kind);
      const nodes = walk(tree(json[0]!));
      expect(first(json[0]!, '0040A491')).toBe('PARTIAL');
      for (const concept of ['121071', '125007', '111012', '260870009']) expect(named(nodes, concept)).toEqual([]);
      expect(named(nodes, '125605004').map(valueOf)).toEqual(['373068000']);
      expect(named(nodes, '111017').map(valueOf)).toEqual(['111245']);
      const [evaluations] = named(nodes, 'C0034375');
      expect(first(named(evaluations!.children, '121106')[0]!.json, '0040A160')).toContain(
        kind.endsWith('series') ? REASON : 'bone unlike any trained on',
      );
    },
  );

  test('of a superseding report names the one before', async () => {
    const predecessors = instancesIn((await report('superseding')).json[0]!, '0040A360');
    expect(predecessors).toEqual([PREVIOUS.sopInstanceUid]);
  });
});

describe('in triage-only mode', () => {
  test('there is a report and a card, and neither a location nor a slice score', async () => {
    const { objects, captures, json } = await write('suspected', { heatmaps: false });
    expect(captures).toHaveLength(1);
    const nodes = walk(tree(json[0]!));
    expect(JSON.stringify(json)).not.toContain('image 41');
    expect(named(nodes, '125007')).toHaveLength(1);
    expect(named(nodes, '111012')).toHaveLength(1);
    const [region] = nodes.filter((node) => node.type === 'SCOORD');
    expect(region!.json['00700022']!.Value).toEqual([0, 0, COLUMNS, 0, COLUMNS, ROWS, 0, ROWS, 0, 0]);
    expect(first(items(region!.children[0]!.json, '00081199')[0]!, '00081155')).toBe(
      study.claim.record.manifest!.slices[12]!.sopInstanceUid,
    );
    expect(first(json[1]!, '0008103E')).toBe('AI C-spine triage card (NOT DIAGNOSTIC)');
    expect(await errorsOf(objects)).toEqual([]);
  });
});

describe('the pictures', () => {
  test('lie in one series that is not CT, the card first, each key slice where its source lies', async () => {
    const [, card, ...slices] = (await report('suspected')).json;
    expect(new Set([card!, ...slices].map((json) => first(json, '0020000E'))).size).toBe(1);
    expect([card!, ...slices].map((json) => first(json, '00200013'))).toEqual([1, 2, 3]);
    expect(card!['00080008']!.Value).toEqual(['DERIVED', 'SECONDARY', 'AI_SUMMARY']);
    expect(card!['00200032']).toBeUndefined();
    const source = study.claim.record.manifest!.slices[9]!;
    expect(slices[0]!['00080008']!.Value).toEqual(['DERIVED', 'SECONDARY', 'AI_HEATMAP']);
    expect(slices[0]!['00200032']!.Value).toEqual([-20, -30, -9]);
    expect(slices[0]!['00200037']!.Value).toEqual([1, 0, 0, 0, 1, 0]);
    expect(slices[0]!['00280030']!.Value).toEqual([0.4, 0.4]);
    expect([first(slices[0]!, '00280010'), first(slices[0]!, '00280011')]).toEqual([ROWS, COLUMNS]);
    expect(first(items(slices[0]!, '00082112')[0]!, '00081155')).toBe(source.sopInstanceUid);
    expect(first(items(items(slices[0]!, '00081115')[0]!, '0008114A')[0]!, '00081155')).toBe(source.sopInstanceUid);
    for (const json of [card!, ...slices]) {
      expect([
        first(json, '00080060'),
        first(json, '00280301'),
        first(json, '00080064'),
        first(json, '00180015'),
      ]).toEqual(['OT', 'NO', 'WSD', 'CSPINE']);
      expect(json['00200060']).toBeUndefined();
    }
  });

  // Otherwise the answer would come to the next report, which may be of another patient.
  test('that cannot be drawn fail the report only when the lines that were asked for have come', async () => {
    let haveCome = false;
    const writer = createResultWriter({
      ...study.options,
      renderSource: () => Promise.resolve({ hu: new Float32Array(4), rows: 2, columns: 2 }),
      renderLines: async (...asked) => {
        await nextTurn();
        haveCome = true;
        return study.options.renderLines(...asked);
      },
    });
    await expect(writer.write(study.claim, suspected(study.claim))).rejects.toThrow('its heatmap was made for');
    expect(haveCome).toBe(true);
  });

  test('hold the drawn pixels, and are told to who asks for them', async () => {
    const told: string[] = [];
    const writer = createResultWriter({
      ...study.options,
      onPicture: (picture, uid) => Promise.resolve(void told.push(`${picture.rows}x${picture.columns} ${uid}`)),
    });
    const [, card, slice] = await writer.write(study.claim, suspected(study.claim));
    expect(told.slice(0, 2)).toEqual([
      `${ROWS}x${COLUMNS} ${slice!.sopInstanceUid}`,
      `1232x1024 ${card!.sopInstanceUid}`,
    ]);
    const program =
      'import sys,pydicom;p=pydicom.dcmread(sys.argv[1]).pixel_array;print(p.shape,p[48,57].tolist(),p[50,2].tolist())';
    const stdout = await python(program, slice!.path);
    // Bone on the ring is bright; air at the edge is black.
    const [, shape, bone, air] = /^(\(.*?\)) \[(.*?)\] \[(.*?)\]/.exec(stdout)!;
    expect(shape).toBe(`(${ROWS}, ${COLUMNS}, 3)`);
    expect(Number(bone!.split(',')[0])).toBeGreaterThan(120);
    expect(air).toBe('0, 0, 0');
  });

  test('show the slice that they name, its field and its heatmap', async () => {
    const asked: string[] = [];
    const { record } = study.claim;
    const findings = suspected(study.claim);
    const writer = createResultWriter({
      ...study.options,
      renderSource: (path) => {
        asked.push(path);
        return study.options.renderSource(path);
      },
    });
    const written = await writer.write(study.claim, findings);
    // Slices 9 and 11: no other one, each once, in the order of the key slices.
    const paths = [9, 11].map((index) => join(study.options.spoolDir, record.manifest!.slices[index]!.path));
    expect(asked).toEqual(paths);
    const images = await pydicomJson(...written.slice(2).map(({ path }) => path));
    expect(images.map((json) => first(items(json, '00082112')[0]!, '00081155'))).toEqual(
      findings.keySlices.map(({ sopInstanceUid }) => sopInstanceUid),
    );
  });

  test('of a slice whose matrix is not the one that was scored are refused', async () => {
    const writer = createResultWriter({
      ...study.options,
      renderSource: () => Promise.resolve({ hu: new Float32Array(100), rows: 10, columns: 10 }),
    });
    await expect(writer.write(study.claim, suspected(study.claim))).rejects.toMatchObject({ code: 'report-failed' });
  });
});

describe('UIDs', () => {
  test('are valid, stable in the series, and change with what the report says', async () => {
    const claims = study.claim;
    const writer = createResultWriter(study.options);
    const findings = suspected(claims);
    const before = await writer.write(claims, findings);
    const lower = await writer.write(claims, { ...findings, probability: 0.912 });
    const later = await writer.write({ ...claims, record: { ...claims.record, revision: 4 } }, findings);
    const otherNetwork = await writer.write(claims, {
      ...findings,
      model: { ...findings.model, sha256: 'f'.repeat(64) },
    });
    for (const { sopInstanceUid, seriesInstanceUid } of [...before, ...lower, ...later, ...otherNetwork]) {
      expect(isValidUid(sopInstanceUid)).toBe(true);
      expect(isValidUid(seriesInstanceUid)).toBe(true);
    }
    expect(new Set([before, lower, later, otherNetwork].map(([sr]) => sr!.sopInstanceUid)).size).toBe(4);
    expect(new Set([before, lower, later].map(([sr]) => sr!.seriesInstanceUid)).size).toBe(1);
    expect(otherNetwork[0]!.seriesInstanceUid).not.toBe(before[0]!.seriesInstanceUid);
  });
});

/** Runs a Python program on each stored file. */
const edit =
  (program: string) =>
  async (path: string): Promise<void> => {
    await python(program, path);
  };

describe('identity', () => {
  test.each([
    ['accented', { PatientName: 'Åström-Çelik^Zoë Éloïse^^Dr', PatientID: 'Ä-17', IssuerOfPatientID: 'Göteborg' }],
    ['Japanese', { PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう' }],
    ['long', { PatientName: `${'A'.repeat(32)}^${'B'.repeat(31)}`, PatientID: '9'.repeat(64) }],
  ])('%s: every object has the patient of the source', async (_, attributes) => {
    const other = await makeStudy(attributes);
    const objects = await createResultWriter(other.options).write(other.claim, suspected(other.claim));
    const [source, ...written] = await pydicomJson(
      join(other.options.spoolDir, '0.dcm'),
      ...objects.map(({ path }) => path),
    );
    for (const json of written) {
      for (const tag of [
        '00100010',
        '00100020',
        '00100021',
        '00100030',
        '00100040',
        '00080020',
        '00080030',
        '00080050',
        '00080090',
        '0020000D',
        '00200010',
        '00081030',
        '00101010',
      ]) {
        expect(json[tag], tag).toEqual(source![tag]);
      }
    }
    expect(await errorsOf(objects)).toEqual([]);
    await other.remove();
  });

  test('a name in the escape sequences of ISO 2022 arrives in UTF-8 with all its groups', async () => {
    const program = [
      'import sys,pydicom',
      'd=pydicom.dcmread(sys.argv[1])',
      "d.SpecificCharacterSet=['','ISO 2022 IR 87']",
      "d.PatientName='Yamada^Tarou=山田^太郎=やまだ^たろう'",
      'd.save_as(sys.argv[1])',
    ].join('\n');
    const other = await makeStudy({}, { slices: 3, change: edit(program) });
    expect((await readFile(join(other.options.spoolDir, '0.dcm'))).includes('\u001b$B')).toBe(true);
    const [sr] = await createResultWriter(other.options).write(
      ineligible(other.claim),
      notAnalysed(REASON, 'no-axial'),
    );
    const [json] = await pydicomJson(sr!.path);
    expect(first(json!, '00080005')).toBe('ISO_IR 192');
    expect(first(json!, '00100010')).toEqual({
      Alphabetic: 'Yamada^Tarou',
      Ideographic: '山田^太郎',
      Phonetic: 'やまだ^たろう',
    });
    await other.remove();
  });

  test.each([
    ['patient ID', { patientId: 'P-2' }],
    ['name', { patientName: 'Doe^John' }],
    ['birth date', { patientBirthDate: '19500103' }],
  ])('another %s in the worklist than in the source bytes writes nothing', async (_, patient) => {
    const { record } = study.claim;
    const claim = { ...study.claim, record: { ...record, patient: { ...record.patient, ...patient } } };
    const resultsDir = join(study.root, 'nothing');
    await expect(
      createResultWriter({ ...study.options, resultsDir }).write(claim, suspected(claim)),
    ).rejects.toMatchObject({ code: 'identity-mismatch' });
    await expect(readdir(resultsDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('another study in the source bytes writes nothing', async () => {
    const claim = { ...study.claim, record: { ...study.claim.record, studyInstanceUid: '2.25.99' } };
    await expect(createResultWriter(study.options).write(claim, suspected(claim))).rejects.toMatchObject({
      code: 'identity-mismatch',
    });
  });

  test('a study whose temporary patient ID was replaced midway is reported under the real one', async () => {
    const real = { PatientID: 'MRN-4711', PatientName: 'Lindqvist^Maja', AccessionNumber: 'ACC-REAL' };
    const other = await makeStudy();
    const { claim, options } = other;
    const { patient } = claim.record;
    const renamed = { ...patient, patientId: 'MRN-4711', patientName: 'Lindqvist^Maja' };
    /** The slices from `from` on came under the real ID. */
    const midway = (from: number): ClaimedCase => ({
      ...claim,
      record: { ...claim.record, patient: renamed },
      instances: claim.instances.map((instance, index) => ({
        ...instance,
        header: { ...instance.header, ...renamed },
        ...(index < from ? { cameAs: patient } : {}),
      })),
    });
    const spool = (index: number) => join(options.spoolDir, `${index}.dcm`);
    for (const index of [22, 23])
      await python(RENAME, spool(index), real.PatientID, real.PatientName, real.AccessionNumber);
    const both = midway(22);
    const objects = await createResultWriter(options).write(partOfReport(both), suspected(both));
    const of = (json: Json) => ['00100010', '00100020', '00080050'].map((tag) => first(json, tag));
    const written = await pydicomJson(...objects.map(({ path }) => path));
    expect(written.length).toBeGreaterThan(2);
    for (const json of written)
      expect(of(json)).toEqual([{ Alphabetic: real.PatientName }, real.PatientID, real.AccessionNumber]);
    expect(await errorsOf(objects)).toEqual([]);

    // Of the analysed series nothing came under the real ID: its place in space stays that of its own slices.
    const apart = {
      ...both,
      record: {
        ...both.record,
        manifest: { ...claim.record.manifest!, slices: claim.record.manifest!.slices.slice(0, 22) },
      },
    };
    const [sr] = await createResultWriter(options).write(apart, suspected(apart));
    const [json] = await pydicomJson(sr!.path);
    expect(of(json!)).toEqual([{ Alphabetic: real.PatientName }, real.PatientID, real.AccessionNumber]);
    expect(JSON.stringify(json)).toContain(claim.record.manifest!.slices[0]!.sopInstanceUid);
    expect(JSON.stringify(json)).toContain(claim.instances[0]!.header.frameOfReferenceUid);
    expect(JSON.stringify(json)).not.toContain('2.25.4711');
    const [unread] = await createResultWriter(options).write(ineligible(both), notAnalysed(REASON, 'no-axial'));
    expect(of((await pydicomJson(unread!.path))[0]!)[1]).toBe(real.PatientID);

    // What a person has not said to be the same patient is none: the bytes are compared with what is on record of each object.
    const stranger = {
      ...both,
      instances: both.instances.map((one) => ({
        ...one,
        ...(one.cameAs && { cameAs: { ...patient, patientId: 'P-9' } }),
      })),
    };
    await expect(createResultWriter(options).write(stranger, suspected(stranger))).rejects.toMatchObject({
      code: 'identity-mismatch',
    });
    await other.remove();
  });

  test('a field beside the identity that DICOM does not allow costs neither the report nor its validity', async () => {
    const program =
      "import sys,pydicom\npydicom.config.settings.writing_validation_mode=0\nd=pydicom.dcmread(sys.argv[1])\nd.PatientAge='76'\nd.StudyTime='10:15:00'\nd.save_as(sys.argv[1])";
    const other = await makeStudy({}, { slices: 3, change: edit(program) });
    const [sr] = await createResultWriter(other.options).write(
      ineligible(other.claim),
      notAnalysed(REASON, 'no-axial'),
    );
    expect(await dciodvfyErrors(sr!.path)).toEqual([]);
    expect((await pydicomJson(sr!.path))[0]!['00080030']!.Value).toBeUndefined();
    await other.remove();
  });
});

test('a report of an Enhanced CT refers to frames, is valid, and its pictures lie where the frames do', async () => {
  const claim = await asEnhancedCt(study);
  const objects = await createResultWriter(study.options).write(claim, suspected(claim));
  expect(await errorsOf(objects)).toEqual([]);
  const [sr, card, ...slices] = await pydicomJson(...objects.map(({ path }) => path));
  const nodes = walk(tree(sr!));
  const { sopInstanceUid } = claim.record.manifest!.slices[0]!;
  const references = nodes
    .flatMap(({ json }) => items(json, '00081199'))
    .filter((item) => first(item, '00081155') === sopInstanceUid)
    .map((item) => item['00081160']!.Value);
  // The image library, the field of the case and of each key slice: slices 10, 10 and 12 from the head of 24.
  expect(references).toEqual([Array.from({ length: 24 }, (_, index) => index + 1), [15], [15], [13]]);
  expect(instancesIn(sr!, '0040A375')).toEqual([
    sopInstanceUid,
    ...objects.slice(1).map((object) => object.sopInstanceUid),
  ]);
  const tracked = named(nodes, '112040').map(({ json }) => first(json, '0040A124'));
  expect(new Set(tracked).size).toBe(3);
  expect(first(items(slices[0]!, '00082112')[0]!, '00081160')).toBe(15);
  expect(slices.map((json) => json['00200032']!.Value)).toEqual([
    [-20, -30, -9],
    [-20, -30, -11],
  ]);
  expect(slices[0]!['00280030']!.Value).toEqual([0.4, 0.4]);
  expect(card!['00200032']).toBeUndefined();
});

test('times follow the time zone that the source states', async () => {
  const other = await makeStudy({ TimezoneOffsetFromUTC: '+0930' }, { slices: 3 });
  const [sr] = await createResultWriter(other.options).write(ineligible(other.claim), notAnalysed(REASON, 'no-axial'));
  const [json] = await pydicomJson(sr!.path);
  expect([first(json!, '00080201'), first(json!, '00080023'), first(json!, '00080033')]).toEqual([
    '+0930',
    '20261123',
    '220015.250000',
  ]);
  await other.remove();
});

test('a folder that cannot be written to is an error, not a missing report', async () => {
  const writer = createResultWriter({ ...study.options, resultsDir: join(study.options.spoolDir, '0.dcm') });
  await expect(writer.write(study.claim, suspected(study.claim))).rejects.toMatchObject({
    code: 'report-failed',
    kind: { retry: true },
  });
});

test('a stored slice that is gone from the disk is an error that says so', async () => {
  const { record } = study.claim;
  const manifest = {
    ...record.manifest!,
    slices: record.manifest!.slices.map((slice) => ({ ...slice, path: `gone-${slice.path}` })),
  };
  const claim = { ...study.claim, record: { ...record, manifest } };
  await expect(createResultWriter(study.options).write(claim, suspected(claim))).rejects.toMatchObject({
    code: 'report-failed',
  });
});
