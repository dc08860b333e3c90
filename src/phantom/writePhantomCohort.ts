import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Grade } from './fractures.ts';
import { generatePhantom } from './generatePhantom.ts';
import { LABELS_HEADER, labelLines } from './labelsCsv.ts';
import { drawPhantomParams, type PhantomWish } from './phantomParams.ts';
import { writePhantomStudy } from './writePhantomStudy.ts';

export interface CohortWish {
  /** Study k has the seed `seed + k`. */
  readonly seed: number;
  readonly count: number;
  /** `type@level` or `none` for every study; absent for a mix. */
  readonly fracture?: string | undefined;
  readonly grade?: Grade | undefined;
  readonly slices?: number | undefined;
  readonly rows?: number | undefined;
  /** Folder that gets one folder a study and labels.csv. */
  readonly out: string;
  readonly onProgress?: ((studiesDone: number, count: number) => void) | undefined;
}

export interface CohortStudy {
  /** Name of the study's folder under `out`. */
  readonly folder: string;
  readonly studyInstanceUid: string;
  readonly patientId: string;
  readonly slices: number;
  readonly fractures: readonly string[];
  readonly caseLabel: boolean;
}

/**
 * Writes synthetic studies with their truth in labels.csv.
 * @throws TriageError `phantom-fracture-unknown` before anything is written
 */
export async function writePhantomCohort(wish: CohortWish): Promise<CohortStudy[]> {
  const fractures: PhantomWish['fractures'] =
    wish.fracture === undefined
      ? undefined
      : wish.fracture === 'none'
        ? 'none'
        : [{ fracture: wish.fracture, grade: wish.grade }];
  const all = Array.from({ length: wish.count }, (_, k) =>
    drawPhantomParams(wish.seed + k, { fractures, slices: wish.slices, rows: wish.rows }),
  );
  await mkdir(wish.out, { recursive: true });
  const studies: CohortStudy[] = [];
  const lines = [LABELS_HEADER];
  for (const params of all) {
    const phantom = generatePhantom(params);
    const folder = `study-${String(params.seed).padStart(6, '0')}`;
    const written = await writePhantomStudy(phantom, { dir: path.join(wish.out, folder) });
    lines.push(...labelLines(phantom, written, folder));
    studies.push({
      folder,
      studyInstanceUid: written.studyInstanceUid,
      patientId: written.patientId,
      slices: phantom.slices,
      fractures: phantom.fractures.map((fracture) => fracture.name),
      caseLabel: phantom.caseLabel,
    });
    wish.onProgress?.(studies.length, wish.count);
  }
  await writeFile(path.join(wish.out, 'labels.csv'), `${lines.join('\n')}\n`);
  return studies;
}
