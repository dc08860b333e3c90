import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assembleStudy } from '../assemble/assembleStudy.ts';
import type { CaseManifest, Findings, SeriesVerdict, StoredInstance } from '../case/case.ts';
import type { CaseRecord } from '../case/caseRecord.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import type { Config } from '../config/config.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ClaimedCase } from '../case/claim.ts';
import type { UnreadFile } from '../base/listFiles.ts';
import { inferFolderStudy } from './inferFolderStudy.ts';
import { readStudyFolder } from './readStudyFolder.ts';
import { encodePng } from '../base/png.ts';
import { createResultWriter } from '../report/writeResults.ts';

export interface FolderAnalysis {
  /** Null when the folder holds no study, or several; `findings` say which. */
  studyInstanceUid: string | null;
  findings: Findings;
  manifest: CaseManifest | null;
  /** Every series, with the reason why it is or is not analysed. */
  series: SeriesVerdict[];
  /** Files and folders that cannot be read as DICOM, each with the reason. */
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
 * Runs a folder of DICOM files through the agent's own stages, without network or database. A folder without exactly one study is a result too: not analysed.
 *
 * @throws TriageError `not-found` if it is not a folder, `model-*`, `inference-*`
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
  const { instances, unread } = await readStudyFolder(folder, {
    receivedAtMs: clock.now(),
    maxObjectBytes: config.receive.maxObjectBytes,
  });
  const studies = [...new Set(instances.map((instance) => instance.header.studyInstanceUid))];
  const [studyInstanceUid] = studies;
  const readSeconds = since(startMs);
  if (studyInstanceUid === undefined || studies.length > 1)
    return {
      studyInstanceUid: null,
      findings: noSingleStudy(folder, studies, unread, clock.now()),
      manifest: null,
      series: [],
      unread,
      files: [],
      seconds: { read: readSeconds, total: since(startMs) },
    };

  const assembled = assembleStudy(instances, config.assemble);
  const loadMs = clock.monotonicMs();
  const model = await startInferenceProcess({ ...config.infer, clock, log });
  const loadSeconds = since(loadMs);
  try {
    const analysedAtMs = clock.now();
    let encoded = 0;
    const {
      findings,
      manifest,
      unread: damaged,
    } = assembled.type === 'seriesChosen'
      ? await inferFolderStudy({
          folder,
          instances,
          rules: config.assemble,
          manifest: assembled.manifest,
          model,
          threshold: { value: threshold ?? model.defaultThreshold, version: 0 },
          clock,
          onEncoded: () => onProgress?.(++encoded, assembled.manifest.slices.length),
        })
      : {
          findings: notAnalysed(assembled.reasonCode, assembled.reason, model.identity, model.provider, analysedAtMs),
          manifest: null,
          unread: [],
        };

    const files: string[] = [];
    const reportMs = clock.monotonicMs();
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      const writer = createResultWriter({
        resultsDir: resolve(out),
        spoolDir: resolve(folder),
        softwareVersion: softwareVersion(),
        institutionName: config.report.institutionName,
        renderSource: model.decodeSlice,
        renderLines: model.decodeLines,
        options: { heatmaps: config.report.heatmaps },
        onPicture: async ({ rgb, rows, columns }, sopInstanceUid) => {
          const path = join(resolve(out), `${sopInstanceUid}.png`);
          await writeFile(path, encodePng(rgb, rows, columns, 3));
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
      series: manifest?.series ?? (assembled.type === 'seriesChosen' ? assembled.manifest.series : assembled.series),
      unread: [...unread, ...damaged],
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

function noSingleStudy(
  folder: string,
  studies: readonly string[],
  unread: readonly UnreadFile[],
  atMs: number,
): Findings {
  if (studies.length > 1) {
    const named = studies.map((uid) => `\n  ${uid}`).join('');
    const reason = `${folder} holds ${studies.length} studies; analyse one folder a study:${named}`;
    return notAnalysed('several-studies', reason, undefined, 'none', atMs);
  }
  const named = unread.map(({ file, reason }) => `\n  ${file}: ${reason}`).join('');
  const reason =
    unread.length === 0 ? `${folder} holds no files.` : `${folder} holds no readable DICOM object:${named}`;
  return notAnalysed('nothing-readable', reason, undefined, 'none', atMs);
}

/** The case as the worklist would store it. */
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
    recency: 'new',
    manifest,
    findings,
    quarantineReason: null,
    failure: null,
  };
  return { record, instances, token: '', attempt: 1, exhausted: false, previousSr: [] };
}
