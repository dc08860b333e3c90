import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assembleStudy } from '../assemble/assembleStudy.ts';
import type { CaseManifest, Findings, StoredInstance } from '../case/case.ts';
import type { CaseRecord } from '../case/caseRecord.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import type { Config } from '../config/config.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { TriageError } from '../base/errors.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { inferSeries } from '../infer/inferSeries.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ClaimedCase } from '../case/claim.ts';
import { readStudyFolder, type UnreadFile } from './readStudyFolder.ts';
import { encodePicture } from '../report/png.ts';
import { createResultWriter } from '../report/writeResults.ts';

export interface FolderAnalysis {
  studyInstanceUid: string;
  findings: Findings;
  manifest: CaseManifest | null;
  /** Files that are not readable DICOM objects, each with the reason. */
  unread: UnreadFile[];
  /** SR, SC and PNG files that were written; empty without `out`. */
  files: string[];
  seconds: Record<string, number>;
}

interface Options {
  folder: string;
  out?: string;
  threshold?: number;
  config: Config;
  clock: Clock;
  log: Log;
  onProgress?: (encoded: number, slices: number) => void;
}

/**
 * Takes a folder of DICOM files through the very stages of the agent, without network or database.
 *
 * @throws TriageError `dicom-unreadable` naming each file when none can be read, `command-invalid` for a folder of several studies, `model-*`, `inference-*`
 */
export async function analyseFolder({
  folder,
  out,
  threshold,
  config,
  clock,
  log,
  onProgress,
}: Options): Promise<FolderAnalysis> {
  const startMs = clock.monotonicMs();
  const since = (ms: number) => (clock.monotonicMs() - ms) / 1000;
  const { instances, unread } = await readStudyFolder(folder, clock.now());
  const studies = [...new Set(instances.map((instance) => instance.header.studyInstanceUid))];
  const [studyInstanceUid] = studies;
  if (studyInstanceUid === undefined) {
    const named = unread.map(({ file, reason }) => `  ${file}: ${reason}`).join('\n');
    throw new TriageError(
      'dicom-unreadable',
      unread.length === 0 ? `${folder} holds no files.` : `${folder} holds no readable DICOM object:\n${named}`,
    );
  }
  if (studies.length > 1)
    throw new TriageError(
      'command-invalid',
      `${folder} holds ${studies.length} studies; analyse one folder a study:\n${studies.map((uid) => `  ${uid}`).join('\n')}`,
    );
  const readSeconds = since(startMs);

  const assembled = assembleStudy(instances, config.assemble);
  const loadMs = clock.monotonicMs();
  const model = await startInferenceProcess({ ...config.infer, clock, log });
  const loadSeconds = since(loadMs);
  try {
    const analysedAtMs = clock.now();
    const manifest = assembled.type === 'seriesChosen' ? assembled.manifest : null;
    let encoded = 0;
    const findings =
      assembled.type === 'seriesChosen'
        ? await inferSeries({
            manifest: assembled.manifest,
            model,
            cached: new Map(),
            resolvePath: (path) => resolve(folder, path),
            threshold: { value: threshold ?? model.defaultThreshold, version: 0 },
            clock,
            onEncoded: () => onProgress?.(++encoded, assembled.manifest.slices.length),
          })
        : notAnalysed(assembled.reasonCode, assembled.reason, model.identity, model.provider, analysedAtMs);

    const files: string[] = [];
    const reportMs = clock.monotonicMs();
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      const writer = createResultWriter({
        resultsDir: resolve(out),
        spoolDir: resolve(folder),
        softwareVersion: softwareVersion(),
        institutionName: config.report.institutionName,
        renderSource: (path) => model.decodeSlice(path),
        options: { heatmaps: config.report.heatmaps, srSopClass: 'comprehensive3d' },
        log,
        onPicture: async (picture, sopInstanceUid) => {
          const path = join(resolve(out), `${sopInstanceUid}.png`);
          await writeFile(path, encodePicture(picture));
          files.push(path);
        },
      });
      const objects = await writer.write(claimOf(instances, manifest, findings), findings);
      files.push(...objects.map((object) => object.path));
    }
    return {
      studyInstanceUid,
      findings,
      manifest,
      unread,
      files,
      seconds: {
        read: readSeconds,
        loadModel: loadSeconds,
        ...findings.seconds,
        report: since(reportMs),
        total: since(startMs),
      },
    };
  } finally {
    await model.close();
  }
}

/** The case as the worklist would hold it. */
function claimOf(instances: StoredInstance[], manifest: CaseManifest | null, findings: Findings): ClaimedCase {
  const source =
    instances.find((instance) => instance.header.sopInstanceUid === manifest?.slices[0]?.sopInstanceUid) ??
    instances[0]!;
  const { header } = source;
  const record: CaseRecord = {
    studyInstanceUid: header.studyInstanceUid,
    state: manifest === null ? 'ineligible' : 'inferred',
    revision: 1,
    patient: header,
    accessionNumber: header.accessionNumber,
    studyDate: header.studyDate,
    studyTime: header.studyTime,
    studyDescription: header.studyDescription,
    sourceAeTitle: '',
    firstReceivedAtMs: source.receivedAtMs,
    lastReceivedAtMs: source.receivedAtMs,
    completeHint: true,
    manifest,
    findings,
    quarantineReason: null,
    failure: null,
  };
  return { record, instances, token: '', attempt: 1, exhausted: false, previousSr: [] };
}
