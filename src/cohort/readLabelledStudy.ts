import path from 'node:path';
import { assembleStudy } from '../assemble/assembleStudy.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { CaseManifest, StoredInstance } from '../case/case.ts';
import { headerOfImage } from '../case/frames.ts';
import type { LabelledCase, Problem, TruthSlice } from '../dataset/dataset.ts';
import { readStudyFolder } from './readStudyFolder.ts';

/** A case of a dataset as the agent sees it, and the faults of its files. */
export type LabelledStudy = { readonly problems: Problem[] } & (
  | { readonly kind: 'useless'; readonly why: string }
  /** `first`: any image of it. */
  | { readonly kind: 'no-series'; readonly first: StoredInstance; readonly reasonCode: string; readonly reason: string }
  /** `slices` in the order of the manifest. */
  | {
      readonly kind: 'series';
      readonly first: StoredInstance;
      readonly instances: readonly StoredInstance[];
      readonly manifest: CaseManifest;
      readonly slices: TruthSlice[];
    }
);

/** Reads the files of a case and chooses the series, as the agent does with what it receives. @throws TriageError `not-found` */
export async function readLabelledStudy(
  labelled: LabelledCase,
  rules: SeriesRules,
  reading: { receivedAtMs: number; maxObjectBytes: number },
): Promise<LabelledStudy> {
  const { instances, unread } = await readStudyFolder(labelled.folder, {
    ...reading,
    ...(labelled.files === undefined ? {} : { volumes: labelled.files }),
  });
  const problems: Problem[] = unread.map(({ file, reason }) => ({
    where: `${labelled.id}/${file}`,
    problem: `not read: ${reason}`,
    dropped: true,
  }));
  const [first] = instances;
  if (first === undefined) return { kind: 'useless', problems, why: 'no file of it is a readable DICOM object' };
  if (instances.some(({ header }) => header.studyInstanceUid !== first.header.studyInstanceUid))
    return { kind: 'useless', problems, why: 'its folder holds several studies, and one folder a case is wanted' };
  const assembled = assembleStudy(instances, rules);
  if (assembled.type !== 'seriesChosen')
    return { kind: 'no-series', problems, first, reasonCode: assembled.reasonCode, reason: assembled.reason };
  const { manifest } = assembled;
  const slices = truthSlices(labelled, instances, manifest);
  return { kind: 'series', problems, first, instances, manifest, slices };
}

/** What the truth of a case needs to know of the slices of a manifest, in their order. */
export function truthSlices(
  { folder }: LabelledCase,
  instances: readonly StoredInstance[],
  manifest: CaseManifest,
): TruthSlice[] {
  const headers = new Map(instances.map(({ header }) => [header.sopInstanceUid, header]));
  return manifest.slices.map(({ sopInstanceUid, frameNumber, path: file }) => ({
    header: headerOfImage(headers.get(sopInstanceUid)!, frameNumber),
    file: path.resolve(folder, file),
    ...(frameNumber === undefined ? {} : { frameNumber }),
  }));
}
