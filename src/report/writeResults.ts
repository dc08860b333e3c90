import { join } from 'node:path';
import type { CaseManifest, Findings, KeySlice, StoredInstance } from '../case/case.ts';
import { allSettledOrThrow } from '../base/allSettledOrThrow.ts';
import { readBeginning } from '../base/readBeginning.ts';
import { isSameImage } from '../case/frames.ts';
import { namingObject } from '../case/namingObject.ts';
import type { DecodeLines, DecodeSlice, SourceSlice } from '../case/triageModel.ts';
import { MAX_HEADER_BYTES } from '../dicom/elements.ts';
import { readFileHeader } from '../dicom/header.ts';
import type { Dataset } from '../dicom/part10.ts';
import { sourceAttributes, withStudyOf } from '../dicom/sourceAttributes.ts';
import { NATIVE_TRANSFER_SYNTAXES } from '../dicom/transferSyntaxes.ts';
import { TriageError } from '../base/errors.ts';
import type { ClaimedCase } from '../case/claim.ts';
import type { ResultObject } from '../case/delivery.ts';
import {
  assertSameIdentity,
  contentMoment,
  reportingDevice,
  text,
  type ReportContext,
  type SeriesKind,
} from './derivedHeader.ts';
import { fontFiles, type Picture } from './drawing.ts';
import type { InstanceReference } from './contentItems.ts';
import { findingsSr } from './findingsSr.ts';
import { drawKeyImage } from './drawKeyImage.ts';
import { keySlicePicture } from './keySlicePicture.ts';
import { keySliceSelection, type SeriesImage } from './keySliceSelection.ts';
import { writeObjectsTo, type BegunObject, type ObjectWriting } from './objectWriting.ts';
import { cardCapture, keySliceCapture } from './secondaryCapture.ts';
import { triageCard } from './triageCard.ts';

export interface ResultWriterOptions {
  /** Absolute folder of the written objects; each study gets its own folder in it. */
  resultsDir: string;
  /** Absolute folder that the paths of instances and slices are relative to. */
  spoolDir: string;
  softwareVersion: string;
  /** If empty, InstitutionName is omitted. */
  institutionName: string;
  /** Takes an absolute path. The inference child does it, so that untrusted bytes cannot crash another process. */
  renderSource: DecodeSlice;
  /** The same for one line of each of many slices. */
  renderLines: DecodeLines;
  /**
   * `heatmaps: false` is the triage-only mode: report and card, without any location or slice score. `keySlices`: also a Key Object Selection of the key slices
   * of flagged scans.
   */
  options: { heatmaps: boolean; keySlices?: boolean };
  /** Called with each picture that went into a secondary capture and the object's UID, for callers that also want it as PNG. */
  onPicture?: (picture: Picture, sopInstanceUid: string) => Promise<void>;
}

/** What a report needs of its case; a claim has all of it, and more. */
export interface ReportedCase {
  record: Pick<ClaimedCase['record'], 'studyInstanceUid' | 'revision' | 'patient' | 'accessionNumber' | 'manifest'>;
  instances: readonly (Pick<StoredInstance, 'path' | 'cameAs'> & {
    header: InstanceReference & { accessionNumber: string };
  })[];
  previousSr: ClaimedCase['previousSr'];
}

/** Only what a report needs, so that little has to cross to another process: the headers of an analysed study are not among it. */
export function partOfReport({ record, instances, previousSr }: ReportedCase): ReportedCase {
  const { studyInstanceUid, revision, patient, accessionNumber, manifest } = record;
  const { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex } = patient;
  return {
    record: {
      studyInstanceUid,
      revision,
      patient: { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex },
      accessionNumber,
      manifest,
    },
    instances:
      manifest === null || instances.some(({ cameAs }) => cameAs !== undefined)
        ? instances.map(({ path, cameAs, header }) => ({
            path,
            ...(cameAs && { cameAs }),
            header: {
              sopClassUid: header.sopClassUid,
              sopInstanceUid: header.sopInstanceUid,
              seriesInstanceUid: header.seriesInstanceUid,
              accessionNumber: header.accessionNumber,
            },
          }))
        : [],
    previousSr,
  };
}

/** Turns findings into DICOM objects on disk. */
export interface ResultWriter {
  /** `signal` ends the work early where the writer can be stopped; then it rejects. */
  write(reported: ReportedCase, findings: Findings, signal?: AbortSignal): Promise<ResultObject[]>;
}

/**
 * Writes findings as DICOM objects: a Structured Report, a triage card and, for a suspected case, its key slices with heatmaps and, where it is wanted, a Key
 * Object Selection of them. Independent of the time of the call: the same claim and findings give the same bytes, names and UIDs. Every object carries the identity of the stored source bytes.
 *
 * Rejections: `identity-mismatch` when those bytes are of another patient than the worklist says, `report-failed`, `dicom-unreadable`, `dicom-unwritable`.
 *
 * @throws TriageError `report-failed` at once when the fonts are missing
 */
export function createResultWriter(writer: ResultWriterOptions): ResultWriter {
  fontFiles();
  return { write: (reported, findings) => write(writer, reported, findings) };
}

/** More than any file meta information has. */
const FILE_META_BYTES = 65_536;

async function write(writer: ResultWriterOptions, reported: ReportedCase, findings: Findings): Promise<ResultObject[]> {
  const { record } = reported;
  const { manifest } = record;
  const { heatmaps, keySlices = false } = writer.options;
  const source = await sourceOfReport(writer, reported);
  const context: ReportContext = {
    source,
    studyInstanceUid: record.studyInstanceUid,
    device: reportingDevice(writer.softwareVersion, findings.model),
    institutionName: writer.institutionName,
    revision: record.revision,
    analysedAtMs: findings.analysedAtMs,
  };

  const keyImages = heatmaps ? keyImagesOf(findings, manifest) : [];
  const objects = writeObjectsTo(writer.resultsDir);
  try {
    const pictures = await writePictures(writer, { reported, findings, keyImages, context, objects });
    const report = objects.begin(
      'sr',
      findingsSr({
        context,
        findings,
        manifest,
        sources: evidenceOf(reported, manifest),
        pictures,
        predecessor: reported.previousSr.at(-1) ?? null,
        locations: heatmaps,
      }),
    );
    const images = keyImages.map(({ slice }) => slice);
    const selections =
      keySlices && images.length > 0 ? [objects.begin('ks', keySliceSelection(context, findings, images))] : [];
    // The report first: worklists listen for it.
    return await Promise.all([report, ...pictures, ...selections].map(({ written }) => written));
  } finally {
    // A report that is tried again writes the same files.
    await objects.settled();
  }
}

type KeySliceImage = { keySlice: KeySlice; slice: SeriesImage };

/** Draws and begins to write the card, then the key slices, best first. */
async function writePictures(
  writer: ResultWriterOptions,
  {
    reported,
    findings,
    keyImages,
    context,
    objects,
  }: {
    reported: ReportedCase;
    findings: Findings;
    keyImages: readonly KeySliceImage[];
    context: ReportContext;
    objects: ObjectWriting;
  },
): Promise<BegunObject[]> {
  const { revision, manifest } = reported.record;
  const { onPicture, softwareVersion, options } = writer;
  const capture = async (content: Dataset, picture: Picture, isHeatmap: boolean): Promise<BegunObject> => {
    const object = objects.begin('sc', content, { isHeatmap });
    await onPicture?.(picture, object.sopInstanceUid);
    return object;
  };
  const captureSlice = async (
    { keySlice, slice }: KeySliceImage,
    index: number,
    { source, stored }: DecodedImage,
  ): Promise<BegunObject> => {
    const picture = keySlicePicture(stored, keySlice);
    return capture(keySliceCapture(context, index + 2, picture, slice, source), picture, true);
  };
  const decoded = async ({ slice }: KeySliceImage): Promise<DecodedImage> => {
    const { attributes, transferSyntaxUid } = await readImage(writer, reported, slice);
    const stored = await writer.renderSource(join(writer.spoolDir, slice.path), slice.frameNumber);
    return { source: attributes, transferSyntaxUid, stored };
  };
  const captureCard = (keyImage: Picture | null): Promise<BegunObject> => {
    const card = triageCard({
      findings,
      manifest,
      revision,
      analysedAt: contentMoment(findings.analysedAtMs, text(context.source['TimezoneOffsetFromUTC'])),
      softwareVersion,
      locations: options.heatmaps,
      keyImage,
    });
    // A series that holds only the card is named so: viewers list it by its description.
    const series: SeriesKind = keyImages.length === 0 ? 'card' : 'heatmaps';
    return capture(cardCapture(context, series, card, findings.decision), card, false);
  };

  const [best, ...others] = keyImages;
  if (best === undefined) return [await captureCard(null)];
  const image = await decoded(best);
  // The key image first asks for lines, which another process decodes while the best slice is drawn.
  const [keyImage, bestSlice] = await allSettledOrThrow([
    keyImageOf(
      writer,
      manifest!,
      keyImages.map(({ keySlice }) => keySlice),
      image,
    ),
    captureSlice(best, 0, image),
  ]);
  const pictures = [await captureCard(keyImage), bestSlice];
  for (const [index, other] of others.entries())
    pictures.push(await captureSlice(other, index + 1, await decoded(other)));
  return pictures;
}

/** The key slices of a flagged scan, best first; none of any other. @throws TriageError `report-failed` */
function keyImagesOf({ decision, keySlices }: Findings, manifest: CaseManifest | null): KeySliceImage[] {
  if (decision !== 'suspected' || manifest === null) return [];
  return keySlices.map((keySlice) => {
    const slice = manifest.slices.find((candidate) => isSameImage(candidate, keySlice));
    if (slice === undefined)
      throw new TriageError('report-failed', 'A key slice of the findings is not a slice of the analysed series.');
    return { keySlice, slice: { ...slice, seriesInstanceUid: manifest.seriesInstanceUid } };
  });
}

/** A slice of the spool: its attributes, how its pixels are encoded, and its values. */
interface DecodedImage {
  source: Dataset;
  transferSyntaxUid: string;
  stored: SourceSlice;
}

/** The picture of the best key slice, which is `image`, with its sagittal; null where the slice does not say how large its pixels are. */
async function keyImageOf(
  { spoolDir, renderLines }: ResultWriterOptions,
  manifest: CaseManifest,
  keySlices: readonly KeySlice[],
  { source, transferSyntaxUid, stored }: DecodedImage,
): Promise<Picture | null> {
  const spacing = source['PixelSpacing'];
  const [between, along] = Array.isArray(spacing) ? spacing.map(Number) : [];
  if (!(between! > 0 && along! > 0)) return null;
  return drawKeyImage({
    manifest,
    keySlices: keySlices as [KeySlice, ...KeySlice[]],
    stored,
    pixelSpacingMm: [between!, along!],
    isCompressed: !NATIVE_TRANSFER_SYNTAXES.has(transferSyntaxUid),
    decodeLines: (images, line) =>
      renderLines(
        images.map(({ path, frameNumber }) => ({ path: join(spoolDir, path), ...(frameNumber && { frameNumber }) })),
        line,
      ),
  });
}

/** Attributes of the first analysed slice, under the patient of the case. */
async function sourceOfReport(writer: ResultWriterOptions, reported: ReportedCase): Promise<Dataset> {
  const first = reported.record.manifest?.slices[0];
  if (first === undefined) return readSource(writer, reported, anyInstance(reported));
  const named = namingObject(reported.record.manifest!, reported.instances);
  const image = await readSource(writer, reported, first);
  return named === undefined || named.path === first.path
    ? image
    : withStudyOf(image, await readSource(writer, reported, named));
}

/** The attributes of an image, after checking that its object's bytes belong to the patient and study in the worklist. */
async function readSource(...source: Parameters<typeof readImage>): Promise<Dataset> {
  return (await readImage(...source)).attributes;
}

/** The same with how its pixels are encoded. */
async function readImage(
  writer: ResultWriterOptions,
  reported: ReportedCase,
  { path, frameNumber }: { path: string; frameNumber?: number },
): Promise<{ attributes: Dataset; transferSyntaxUid: string }> {
  const { bytes, fileBytes } = await readBeginning(
    join(writer.spoolDir, path),
    MAX_HEADER_BYTES + FILE_META_BYTES,
  ).catch((error: unknown) => {
    throw new TriageError(
      'report-failed',
      'A stored source object cannot be read, so the report has no identity to carry. Look at the disk of the spool.',
      { cause: error },
    );
  });
  const cameAs = reported.instances.find((instance) => instance.path === path)?.cameAs;
  const header = readFileHeader(bytes, fileBytes);
  assertSameIdentity(header, cameAs ?? reported.record.patient, reported.record.studyInstanceUid);
  return { attributes: sourceAttributes(bytes, frameNumber), transferSyntaxUid: header.transferSyntaxUid };
}

function anyInstance(reported: ReportedCase): ReportedCase['instances'][number] {
  // The case may name the study by an object other than the first: a localizer often has no Accession Number.
  const { accessionNumber } = reported.record;
  const named = reported.instances.filter(({ cameAs }) => cameAs === undefined);
  const instance = named.find(({ header }) => header.accessionNumber === accessionNumber) ?? named[0];
  if (instance === undefined)
    throw new TriageError('report-failed', 'The case has no stored object, so there is no identity to report under.');
  return instance;
}

/** The objects that the report is based on: the analysed slices, or everything that arrived when none could be analysed. */
function evidenceOf(reported: ReportedCase, manifest: CaseManifest | null): InstanceReference[] {
  if (manifest !== null)
    return manifest.slices.map((slice) => ({ ...slice, seriesInstanceUid: manifest.seriesInstanceUid }));
  return reported.instances.map(({ header }) => header);
}
