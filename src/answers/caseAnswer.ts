import { z } from 'zod';
import { findings, seriesVerdict } from './findings.ts';
import { decision, epochMs } from './sharedShapes.ts';
import { caseState, rowDelivery, worklistRow } from './worklistAnswer.ts';

const caseVolume = z
  .strictObject({
    rows: z.int(),
    columns: z.int(),
    pixelSpacingMm: z.tuple([z.number(), z.number()]).describe('Between rows, between columns.'),
    sliceSpacingMm: z.number(),
    positionsMm: z.array(z.number()).describe('Of each slice, superior first; greater is more superior.'),
    gaps: z.array(z.strictObject({ afterSliceIndex: z.int(), missingSlices: z.int() })),
    instanceNumbers: z
      .array(z.int().nullable())
      .describe('What a PACS calls each slice (0020,0013); null where the header has none.'),
    frameNumbers: z
      .array(z.int().nullable())
      .exactOptional()
      .describe('The frame that each slice is, from 1, where the series came as a multi-frame object.'),
  })
  .describe('The analysed series, oriented: rows front to back, columns from the patient’s right to left.');
/** The analysed series as a volume: in each slice, rows run from front to back and columns from the patient's right to left. */
export type CaseVolume = z.infer<typeof caseVolume>;

const filesRemoved = z
  .strictObject({
    atMs: epochMs,
    cause: z.enum(['age', 'disk']).describe('Its time here was over, or the disk was nearly full.'),
    objects: z.int().describe('Received objects that were deleted.'),
  })
  .describe('Retention has deleted the images that the result rests on; the results stay until they are delivered.');
/** What retention has deleted of a case that is still here. */
export type FilesRemoved = z.infer<typeof filesRemoved>;

const patientStudy = z
  .strictObject({
    caseRef: z.string(),
    scannedAt: z.string().describe('DICOM DT in the scanner’s own time zone, or empty.'),
    studyDescription: z.string(),
    decision: decision.nullable().describe('Null while it is not known, and of a study that is on hold.'),
  })
  .meta({ id: 'PatientStudy', description: 'Another study of the same patient.' });
/** Another study of the same patient. */
export type PatientStudy = z.infer<typeof patientStudy>;

export const caseAnswer = z
  .strictObject({
    row: worklistRow,
    ageNote: z.string().describe('Of what day a prior is, or what is odd about the date of the scan; empty otherwise.'),
    priors: z
      .array(patientStudy)
      .describe('The patient’s studies here that were scanned before this one, newest first.'),
    newer: z.array(patientStudy).describe('Those scanned after it.'),
    series: z.array(seriesVerdict).describe('Empty until assembled.'),
    findings: findings.nullable().describe('Without slices and key slices at a triage-only site.'),
    triageOnly: z.boolean().describe('The site shows neither heatmaps nor slice scores.'),
    viewerTemplate: z.string().nullable().describe('Address of the site’s viewer, with placeholders.'),
    volume: caseVolume.nullable(),
    filesRemoved: filesRemoved.nullable(),
    instances: z.strictObject({ received: z.int(), setAside: z.int(), ownResults: z.int() }),
    views: z
      .array(z.strictObject({ atMs: epochMs, by: z.string() }))
      .describe('Who has opened it, newest first: once for each person and ten minutes.'),
    results: z.array(
      z.strictObject({
        sopInstanceUid: z.string(),
        seriesInstanceUid: z.string(),
        kind: z.enum(['sr', 'sc', 'ko', 'ks']),
        revision: z.int(),
        isHeatmap: z.boolean().describe('A key slice with its heatmap; of pictures, any other one is the triage card.'),
        deliveries: z.array(rowDelivery),
      }),
    ),
    events: z.array(
      z.strictObject({
        atMs: epochMs,
        revision: z.int(),
        type: z.string(),
        from: caseState.nullable(),
        to: caseState,
        actor: z.string(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'Case' });
/** One case, as its screen shows it. */
export type CaseAnswer = z.infer<typeof caseAnswer>;
