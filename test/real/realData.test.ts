import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembleStudy } from '../../src/assemble/assembleStudy.ts';
import { instanceRefusal, type Refusal } from '../../src/assemble/seriesRules.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TriageError } from '../../src/base/errors.ts';
import { createLog } from '../../src/base/log.ts';
import type { InstanceHeader, StoredInstance } from '../../src/case/case.ts';
import { analyseFolder } from '../../src/cohort/analyseFolder.ts';
import { readStudyFolder } from '../../src/cohort/readStudyFolder.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { readFileHeader } from '../../src/dicom/header.ts';
import { decodeStoredSlice } from '../../src/infer/decodePixels.ts';
import { runTool, temporaryDirectory } from '../interop/dcmtk.ts';

/** `npm run test:real -- DIR`: every file of a folder of real data ends in a true sentence, and decodes to the values that pydicom gives. */
const given = process.env['ODONTOID_REAL_DATA'] ?? '';
const folder = resolve(given);
const config = configFrom({});
/** JPEG Extended, JPEG-LS near-lossless, JPEG 2000: decoders may round differently. */
const LOSSY = new Set(['1.2.840.10008.1.2.4.51', '1.2.840.10008.1.2.4.81', '1.2.840.10008.1.2.4.91']);
const ROUNDING_HU = 1;
/** JPEG Baseline and the retired progressive processes: docs/conformance.md says that they are not decoded. */
const NOT_DECODED = new Set(['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.53', '1.2.840.10008.1.2.4.55']);

interface PydicomFacts {
  file: string;
  isDicom: boolean;
  sopClassUid: string;
  modality: string;
  imageType: string[];
  transferSyntaxUid: string;
  samplesPerPixel: number;
  bitsAllocated: number;
  sliceThicknessMm: number;
  orientation: number[];
  hasPosition: boolean;
  /** File of Hounsfield units; null where pydicom finds none. */
  values: string | null;
  error?: string;
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SECONDARY_CAPTURES = '1.2.840.10008.5.1.4.1.1.7';
/** What pydicom must say of the file for a reason to be true. */
const TRUE_WHEN: Readonly<Record<string, (facts: PydicomFacts) => boolean>> = {
  'secondary-capture': ({ sopClassUid }) => sopClassUid.startsWith(SECONDARY_CAPTURES),
  'multi-frame': ({ sopClassUid }) => sopClassUid !== CT && sopClassUid.startsWith(`${CT}.`),
  'not-ct': ({ sopClassUid, modality }) => sopClassUid !== CT || modality !== 'CT',
  colour: ({ samplesPerPixel }) => samplesPerPixel === 3,
  localizer: ({ imageType }) => imageType.includes('LOCALIZER'),
  derived: ({ imageType }) => imageType.length > 2,
  'no-geometry': ({ hasPosition, orientation }) => !hasPosition || orientation.length !== 6,
  // Of the cross product of row and column, the part along the body.
  'not-axial': ({ orientation: [a, b, , c, d] }) => Math.abs(a! * d! - b! * c!) < Math.cos(Math.PI / 6) + 1e-6,
  'too-thick': ({ sliceThicknessMm }) => sliceThicknessMm > config.assemble.maxSliceThicknessMm,
};
/** The same for a reason why pixels were not decoded, by its words. */
const UNDECODED_WHEN: readonly [RegExp, (facts: PydicomFacts) => boolean][] = [
  [/this image is in colour/, ({ samplesPerPixel }) => samplesPerPixel === 3],
  [/has 16 bits allocated/, ({ bitsAllocated }) => bitsAllocated !== 16],
  [/^Transfer syntax \S+ cannot be decoded/, ({ transferSyntaxUid }) => NOT_DECODED.has(transferSyntaxUid)],
  [/RescaleSlope or RescaleIntercept is missing/, ({ values }) => values === null],
];

describe.runIf(given !== '')(`the files of ${given}`, () => {
  const told: string[] = [];
  let out: string;
  let remove: () => Promise<void>;
  let all: PydicomFacts[];

  beforeAll(async () => {
    ({ dir: out, remove } = await temporaryDirectory());
    const script = join(import.meta.dirname, 'pydicomFacts.py');
    const { stdout, stderr, exitCode } = await runTool('/usr/bin/python3', [script, folder, out], {
      timeoutMs: 600_000,
    });
    expect(exitCode, stderr).toBe(0);
    all = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PydicomFacts);
  }, 600_000);
  afterAll(async () => {
    await remove();
    process.stdout.write(`${told.join('\n')}\n`);
  });

  it('are there', () => {
    expect(all.length).toBeGreaterThan(0);
  });

  it('each decodes as pydicom decodes it, or ends in a sentence that pydicom confirms', async () => {
    const faults: string[] = [];
    let same = 0;
    const sentences = new Map<string, number>();
    for (const facts of all) {
      const judged = await judge(facts, out);
      if (judged.fault !== null) faults.push(`${facts.file}: ${judged.fault}`);
      if (judged.sentence === null) same += 1;
      else sentences.set(judged.sentence, (sentences.get(judged.sentence) ?? 0) + 1);
    }
    told.push(`${same} of ${all.length} files: pixels as pydicom decodes them`);
    for (const [sentence, count] of sentences) told.push(`${count} files: ${sentence}`);
    expect(faults).toEqual([]);
  }, 600_000);

  it('make studies that are each analysed, or have a sentence that says why not', async () => {
    const folders = [...new Set(all.filter(({ isDicom }) => isDicom).map(({ file }) => dirname(file)))];
    for (const name of folders) {
      const { instances, unread } = await readStudyFolder(join(folder, name), {
        receivedAtMs: 0,
        maxObjectBytes: config.receive.maxObjectBytes,
      });
      const strangers = all.filter(({ file, isDicom }) => !isDicom && file.startsWith(`${name}/`));
      expect(unread.map(({ file }) => join(name, file))).toEqual(strangers.map(({ file }) => file));
      for (const study of new Set(instances.map(({ header }) => header.studyInstanceUid))) {
        const ofStudy = instances.filter(({ header }) => header.studyInstanceUid === study);
        told.push(`${name}: ${ofStudy.length} objects: ${sentenceOf(ofStudy)}`);
      }
    }
  });

  it('are each scored by the shipped network, or refused with the reason', async () => {
    const folders = [...new Set(all.filter(({ isDicom }) => isDicom).map(({ file }) => dirname(file)))];
    const faults: string[] = [];
    const score = async (name: string): Promise<void> => {
      const { findings, manifest } = await analyseFolder({
        folder: join(folder, name),
        config,
        clock: systemClock,
        log: createLog('silent'),
      });
      const { decision, probability, reason, reasonCode } = findings;
      told.push(`${name}: ${decision}${probability === null ? '' : ` ${probability.toFixed(4)}`} ${reason ?? ''}`);
      const isScored = probability !== null && probability >= 0 && probability <= 1 && manifest !== null;
      const isRefused = decision === 'not-analysed' && /^[A-Z\d/].*[^.\s]$/s.test(reason ?? '') && reasonCode !== null;
      if (decision === 'not-analysed' ? !isRefused : !isScored) faults.push(`${name}: ${decision}, ${reason ?? ''}`);
    };
    const rest = [...folders];
    const work = async (): Promise<void> => {
      for (let name = rest.shift(); name !== undefined; name = rest.shift()) await score(name);
    };
    await Promise.all([work(), work()]);
    expect(faults).toEqual([]);
  }, 900_000);
});

/** How a file ends (`sentence` is null when its pixels are those of pydicom), and what is wrong with that. */
async function judge(facts: PydicomFacts, out: string): Promise<{ sentence: string | null; fault: string | null }> {
  const bytes = await readFile(join(folder, facts.file));
  let header: InstanceHeader;
  try {
    header = readFileHeader(bytes);
  } catch (error) {
    const sentence = sentenceIn(error);
    return { sentence, fault: facts.isDicom ? `pydicom reads it, and it is said to be: ${sentence}` : null };
  }
  if (!facts.isDicom) return { sentence: null, fault: 'pydicom does not read it' };
  const refusal = instanceRefusal(header, config.assemble);
  const wrong = refusal === null ? null : whatIsWrong(refusal, facts);
  if (wrong !== null) return { sentence: refusal!.reason, fault: wrong };
  try {
    const { hu } = await decodeStoredSlice(bytes);
    if (facts.values === null) return { sentence: null, fault: `decoded, but not by pydicom: ${facts.error ?? ''}` };
    return { sentence: null, fault: await difference(hu, join(out, facts.values), facts) };
  } catch (error) {
    const sentence = sentenceIn(error);
    const known = UNDECODED_WHEN.find(([words]) => words.test(sentence));
    const isTrue = known?.[1](facts) === true || (refusal !== null && facts.values === null);
    return { sentence, fault: isTrue ? null : `pydicom does not confirm: ${sentence}` };
  }
}

function whatIsWrong({ code, reason }: Refusal, facts: PydicomFacts): string | null {
  return TRUE_WHEN[code]?.(facts) === true ? null : `pydicom does not confirm: ${reason} (${code})`;
}

async function difference(hu: Float32Array, file: string, { transferSyntaxUid }: PydicomFacts): Promise<string | null> {
  const bytes = await readFile(file);
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (expected.length !== hu.length) return `${hu.length} pixels, pydicom has ${expected.length}`;
  let most = 0;
  for (const [index, value] of hu.entries()) most = Math.max(most, Math.abs(value - expected[index]!));
  const allowed = LOSSY.has(transferSyntaxUid) ? ROUNDING_HU : 0;
  return most <= allowed ? null : `up to ${most} HU from what pydicom decodes`;
}

function sentenceIn(error: unknown): string {
  if (!(error instanceof TriageError)) throw error;
  return error.message;
}

/** What becomes of a study, judged by its geometry and headers; the network is not asked. */
function sentenceOf(instances: readonly StoredInstance[]): string {
  const assembled = assembleStudy(instances, config.assemble);
  const sentence =
    assembled.type === 'seriesChosen'
      ? (assembled.manifest.series.find(({ chosen }) => chosen)?.reason ?? '')
      : `Not analysed: ${assembled.reason}`;
  expect(sentence).toMatch(/^(Chosen: \d+ slices|Not analysed: \S)/);
  return sentence;
}
