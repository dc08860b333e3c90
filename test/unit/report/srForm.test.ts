import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import type { Findings } from '../../../src/case/case.ts';
import type { ClaimedCase } from '../../../src/case/claim.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { writeSrForm } from '../../../src/report/srForm.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { shownByOhif, type Json } from './ohifReport.ts';
import {
  dciodvfyErrors,
  ineligible,
  makeStudy,
  notAnalysed,
  notSuspected,
  pydicomJson,
  run,
  suspected,
  type Study,
} from './reportFixture.ts';

let study: Study;
/** PS3.4 B.5, best first; what each may not hold (PS3.3 A.35.1 to A.35.3, A.35.13). */
const CLASSES = [
  ['Comprehensive 3D SR', '1.2.840.10008.5.1.4.1.1.88.34', []],
  ['Comprehensive SR', '1.2.840.10008.5.1.4.1.1.88.33', ['SCOORD3D']],
  ['Enhanced SR', '1.2.840.10008.5.1.4.1.1.88.22', ['SCOORD3D']],
  ['Basic Text SR', '1.2.840.10008.5.1.4.1.1.88.11', ['SCOORD3D', 'SCOORD', 'NUM', 'TCOORD']],
] as const;
const CASES: Record<string, (claim: ClaimedCase) => [ClaimedCase, Findings]> = {
  suspected: (claim) => [claim, suspected(claim)],
  'not suspected': (claim) => [claim, notSuspected(claim)],
  'partly seen, not suspected': (claim) => [
    claim,
    { ...notSuspected(claim), reasonCode: 'partial', reason: '17 of 24 slices came' },
  ],
  'without a series': (claim) => [ineligible(claim), notAnalysed('no thin axial series', 'no-axial')],
  'a head': (claim) => [claim, notAnalysed('this looks like a head', 'outside-domain')],
};
const DECISIONS = Object.keys(CASES);

interface Written {
  report: ResultObject;
  form: ResultObject;
  json: Json;
}
const written = new Map<string, Written>();
const key = (decision: string, sopClassUid: string) => `${decision} as ${sopClassUid}`;
const formOf = (decision: string, sopClassUid: string): Written => written.get(key(decision, sopClassUid))!;
/** Report and card of each case. */
const reports = new Map<string, { sr: Json; card: Json }>();

beforeAll(async () => {
  // Text beyond ASCII must survive.
  study = await makeStudy({ PatientName: 'Åström^Zoë=山田^太郎' });
  const paths: string[] = [];
  for (const decision of DECISIONS) {
    const [report, card] = await createResultWriter(study.options).write(...CASES[decision]!(study.claim));
    paths.push(report!.path, card!.path);
    for (const [, sopClassUid] of CLASSES) {
      const form = await writeSrForm(study.options.resultsDir, report!, sopClassUid, null);
      written.set(key(decision, sopClassUid), { report: report!, form, json: {} });
      paths.push(form.path);
    }
  }
  const json = (await pydicomJson(...paths)) as Json[];
  for (const decision of DECISIONS) {
    reports.set(decision, { sr: json.shift()!, card: json.shift()! });
    for (const [, sopClassUid] of CLASSES) formOf(decision, sopClassUid).json = json.shift()!;
  }
}, 60_000);
afterAll(() => study.remove());

const items = (json: Json, tag: string): Json[] => (json[tag]?.Value ?? []) as Json[];
const text = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];
const walk = (json: Json): Json[] => [json, ...items(json, '0040A730').flatMap(walk)];
const conceptOf = (json: Json): unknown => text(items(json, '0040A043')[0] ?? {}, '00080100');
const named = (json: Json, concept: string): Json[] => walk(json).filter((item) => conceptOf(item) === concept);

describe.each(CLASSES)('as %s', (_, sopClassUid, forbidden) => {
  test.each(DECISIONS)('a report of a case that is %s passes dciodvfy and reads in dsr2html', async (decision) => {
    const { report, form, json: after } = formOf(decision, sopClassUid);
    expect(await dciodvfyErrors(form.path)).toEqual([]);
    const { stdout, stderr } = await run('dsr2html', ['+U8', form.path]);
    expect(stderr.split('\n').filter((line) => /^[EF]:/.test(line))).toEqual([]);
    expect(stdout).toContain('Åström');
    expect(stdout).toContain('Research software. Not a diagnosis.');

    const before = reports.get(decision)!.sr;
    expect(text(after, '00080016')).toBe(sopClassUid);
    expect(text(after, '00080018')).toBe(form.sopInstanceUid);
    expect(form.seriesInstanceUid).toBe(report.seriesInstanceUid);
    const types = new Set(walk(after).map((item) => text(item, '0040A040')));
    expect(forbidden.filter((type) => types.has(type))).toEqual([]);
    // Header and evidence are those of the report.
    for (const tag of Object.keys(before).filter(
      (name) => !['00080016', '00080018', '0040A043', '0040A730', '0040A504'].includes(name),
    ))
      expect(after[tag], tag).toEqual(before[tag]);
    // Viewers look for regions in a measurement report: what has none has another title. What Basic Text leaves out of the template, or was not scored, names none.
    const canHaveRegions = !forbidden.some((type) => type === 'SCOORD');
    const isFlagged = decision === 'suspected';
    const isScored = decision.includes('suspected');
    const [code, title] =
      isFlagged && canHaveRegions
        ? ['126000', 'Imaging Measurement Report']
        : isScored && !isFlagged
          ? ['NOTFLAGGED', 'AI triage: not flagged - read as usual']
          : ['121111', 'Summary'];
    expect([conceptOf(after), '0040A504' in after]).toEqual([code, isScored && canHaveRegions]);
    expect(stdout).toContain(`<h1>${title}</h1>`);
    expect(types.has('SCOORD')).toBe(isFlagged && canHaveRegions);
  });
});

test('each class has a SOP Instance UID of its own, and the same one again', async () => {
  const uids = [];
  for (const [, sopClassUid] of CLASSES) {
    const { report, form } = formOf('suspected', sopClassUid);
    const bytes = await readFile(form.path);
    const again = await writeSrForm(study.options.resultsDir, report, sopClassUid, null);
    expect(again).toEqual(form);
    expect(bytes.equals(await readFile(again.path))).toBe(true);
    uids.push(form.sopInstanceUid);
  }
  expect(new Set(uids).size).toBe(CLASSES.length);
});

test('Basic Text says the numbers and links the images of the regions', () => {
  const { json } = formOf('suspected', '1.2.840.10008.5.1.4.1.1.88.11');
  expect(named(json, '111012').map((item) => [text(item, '0040A040'), text(item, '0040A160')])).toEqual([
    ['TEXT', '91.3 %'],
    ['TEXT', '94 %'],
    ['TEXT', '71 %'],
  ]);
  const { slices } = study.claim.record.manifest!;
  expect(
    named(json, '121112').map((item) => [text(item, '0040A040'), text(items(item, '00081199')[0]!, '00081155')]),
  ).toEqual([9, 9, 11].map((index) => ['IMAGE', slices[index]!.sopInstanceUid]));
  expect(named(json, '111028')).toEqual([]);
});

test('the predecessor that a destination has replaces the one that the report names', async () => {
  const claim = {
    ...study.claim,
    previousSr: [{ sopClassUid: CLASSES[0][1], sopInstanceUid: '2.25.11', seriesInstanceUid: '2.25.12' }],
  };
  const [report] = await createResultWriter(study.options).write(claim, suspected(claim));
  const predecessorOf = async (predecessor: Parameters<typeof writeSrForm>[3]): Promise<unknown> => {
    const form = await writeSrForm(study.options.resultsDir, report!, CLASSES[1][1], predecessor);
    expect(await dciodvfyErrors(form.path)).toEqual([]);
    const [json] = (await pydicomJson(form.path)) as [Json];
    const [named] = items(json, '0040A360');
    const series = items(named!, '00081115')[0]!;
    const [reference] = items(series, '00081199');
    expect(text(named!, '0020000D')).toBe(claim.record.studyInstanceUid);
    return [text(reference!, '00081150'), text(reference!, '00081155'), text(series, '0020000E')];
  };
  expect(await predecessorOf(null)).toEqual([CLASSES[0][1], '2.25.11', '2.25.12']);
  const held = { sopClassUid: CLASSES[1][1], sopInstanceUid: '2.25.21', seriesInstanceUid: '2.25.12' };
  expect(await predecessorOf(held)).toEqual([CLASSES[1][1], '2.25.21', '2.25.12']);
});

test.each(CLASSES)('as %s, what is not flagged has no number beside a region, and says so', (_, sopClassUid) => {
  for (const decision of DECISIONS.filter((name) => name !== 'suspected')) {
    const { json } = formOf(decision, sopClassUid);
    expect(named(json, '111012'), decision).toEqual([]);
    for (const group of named(json, '125007'))
      expect(text(named(group, '112039')[0]!, '0040A160')).toBe(
        'AI fracture triage, cervical spine: not flagged, read as usual',
      );
  }
});

describe('OHIF', () => {
  const [comprehensive3d, comprehensive, enhanced, basicText] = CLASSES.map(([, sopClassUid]) => sopClassUid);
  const structured = [comprehensive3d!, comprehensive!, enhanced!];

  test.each(structured)('shows the key slices of a flagged scan with their certainty (%s)', (sopClassUid) => {
    const { slices } = study.claim.record.manifest!;
    const region = (index: number, ...lines: string[]) => ({
      sopInstanceUid: slices[index]!.sopInstanceUid,
      frameNumber: undefined,
      lines,
    });
    expect(shownByOhif(formOf('suspected', sopClassUid).json)).toEqual({
      viewport: 'regions',
      regions: [
        region(9, 'Certainty of Finding: 91.30 %', '363698007: Cervical spine'),
        region(9, 'Certainty of Finding: 94.00 %', '363698007: C5 vertebra'),
        region(11, 'Certainty of Finding: 71.00 %', '363698007: Cervical spine'),
      ],
    });
  });

  test.each([...structured, basicText!])(
    'says at the top that an unflagged scan was not flagged, and draws nothing (%s)',
    (sopClassUid) => {
      for (const decision of ['not suspected', 'partly seen, not suspected']) {
        const shown = shownByOhif(formOf(decision, sopClassUid).json);
        expect(shown.viewport === 'text' && shown.lines[0]).toBe('AI triage: not flagged - read as usual');
      }
    },
  );

  test.each<[string, RegExp]>([
    ['suspected', /^Comment: AI flag: possible fracture\. /],
    ['not suspected', /^Comment: AI did not flag this scan - read as usual\. /],
    [
      'partly seen, not suspected',
      /^Comment: Not analysed whole: only 17 of 24 slices came, no flag in them - read as/,
    ],
    ['without a series', /^Comment: Not analysed: no thin axial series - read as usual\. /],
    ['a head', /^Comment: Outside tested range \(this looks like a head\) - not scored\. Read as usual\. /],
  ])(
    'shows the words of a Basic Text SR, and of any that is not flagged, of a scan that is %s',
    (decision, comment) => {
      for (const sopClassUid of decision === 'suspected' ? [basicText!] : [...structured, basicText!]) {
        const shown = shownByOhif(formOf(decision, sopClassUid).json);
        expect(shown.viewport === 'text' && shown.lines.filter((line) => line.startsWith('Comment'))).toEqual([
          expect.stringMatching(comment),
        ]);
      }
    },
  );
});

test.each(DECISIONS)(
  'a report of a case that is %s names a procedure of CID 100, and a refused head no neck',
  (decision) => {
    const { sr, card } = reports.get(decision)!;
    const [procedure] = named(sr, '121058');
    // 25045-6 LN "CT unspecified body region" is in CID 100; 24932-6, CT Cervical spine, is not.
    expect(text(items(procedure!, '0040A168')[0]!, '00080100')).toBe('25045-6');
    const isScored = decision.includes('suspected');
    expect(named(sr, '123014')).toHaveLength(decision === 'suspected' ? 1 : 0);
    expect(named(sr, '363698007').length > 0).toBe(isScored);
    expect(text(card, '00180015')).toBe(isScored ? 'CSPINE' : undefined);
  },
);

test('a report that was changed on disk is not made into another class', async () => {
  const { report } = formOf('a head', CLASSES[1][1]);
  const bytes = await readFile(report.path);
  bytes[bytes.length - 3]! ^= 1;
  await writeFile(report.path, bytes);
  await expect(writeSrForm(study.options.resultsDir, report, CLASSES[2][1], null)).rejects.toMatchObject({
    code: 'report-failed',
  });
});

test('the table of IHE AI Results in docs/conformance.md names what a report of a suspected case holds', async () => {
  const { sr } = reports.get('suspected')!;
  const statement = (await readFile(join(packageRoot, 'docs/conformance.md'), 'utf8'))
    .split('### IHE AI Results (AIR)')[1]!
    .split('An unflagged report')[0]!;
  const stated = [...statement.matchAll(/([A-Z]+) `(\d+)` ([A-Z][A-Za-z ]*)/g)].map(
    ([, valueType, value, meaning]) => ({
      valueType,
      value,
      meaning: meaning!.trim().replace(/ (of the analysed slices)$/, ''),
    }),
  );
  expect(stated.length).toBeGreaterThan(9);
  for (const { valueType, value, meaning } of stated) {
    const found = named(sr, value!);
    expect(
      found.map((item) => text(item, '0040A040')),
      `${value} ${meaning}`,
    ).toContain(valueType);
    expect(text(items(found[0]!, '0040A043')[0]!, '00080104')).toBe(meaning);
  }
  // The kinds that the table says are not there: no object of these classes is referenced.
  const referenced = walk(sr).flatMap((item) => items(item, '00081199').map((one) => text(one, '00081150')));
  expect(new Set(referenced)).toEqual(new Set(['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.7']));
  // Neither number nor finding stands in an unflagged one.
  for (const absent of ['111012', '121071']) expect(named(reports.get('not suspected')!.sr, absent)).toEqual([]);
});
