import { TriageError } from '../base/errors.ts';
import { REPORT_MODALITIES, REPORT_SOP_CLASSES, STUDY_ROOT_FIND, VERIFICATION } from '../dicom/sopClasses.ts';
import { derivedUid } from '../dicom/uids.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { HeldReport, OutboundObject, Pacs, ReportSource, StoreOutcome } from '../case/delivery.ts';
import { hex16 } from '../base/hex16.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf } from '../dimse/commandSet.ts';
import type { DimseAssociation, DimsePeer } from './dimseAssociation.ts';
import { findMatches, openService, unreachable } from './dimseService.ts';
import { probeGet } from './getScu.ts';
import { inspectPart10, losesText, type CharacterSet, type Part10File } from './part10Source.ts';
import type { RetrieveWay } from './retrieveOutcome.ts';
import { createStoreSender, resultPairs } from './storeSender.ts';
import { offersCommitment, requestCommitment } from './storageCommitment.ts';
import { negotiateForms, takenSentence, type WantedObject } from './takenForms.ts';

/** A PACS reached by DIMSE. */
export interface DimseDestination extends DimsePeer {
  /**
   * `find` (default): `holds` queries by C-FIND at IMAGE level. `none`: the destination answers no queries, and `holds` returns what it was given,
   * so that C-STORE status 0x0000 alone counts as the receipt.
   */
  confirm?: 'find' | 'none';
  /** Ask it to commit to what it has accepted (PS3.4 J). */
  commitment?: boolean;
  /** Default: ISO_IR 192 (UTF-8), as the files are. */
  characterSet?: CharacterSet;
  /** What of a result goes there; everything when absent. */
  objects?: readonly WantedObject[];
  /** How studies are fetched from it. Default: C-MOVE, of which only a retrieval can tell whether it works. */
  retrieve?: RetrieveWay;
}

const SOP_CLASS_UID = 0x00080016;
const SOP_INSTANCE_UID = 0x00080018;
const QUERY_RETRIEVE_LEVEL = 0x00080052;
const MODALITY = 0x00080060;
const STUDY_INSTANCE_UID = 0x0020000d;
const SERIES_INSTANCE_UID = 0x0020000e;
const PATIENT_ID = 0x00100020;
const VERIFICATION_FLAG = 0x0040a493;
/** A study and series that no destination has, to ask whether it answers. */
const UNKNOWN_UID = derivedUid('probe', 'odontoid');
/** Maximum number of matches read per query; our own series hold far fewer. */
const MAX_MATCHES = 10_000;

/** A result destination by DIMSE: C-ECHO, C-STORE of the data sets on disk, and C-FIND to see whether they are held. */
export function createDimseScu(destination: DimseDestination, ports: { clock: Clock; log: Log }): Pacs & ReportSource {
  const { clock } = ports;
  const log = ports.log.child({ component: 'pacs', destination: destination.name });

  const openFor = (abstractSyntaxUid: string, otherwise: (refusal: string) => string) =>
    openService(destination, abstractSyntaxUid, clock, otherwise);

  const scu: Pacs & ReportSource = {
    name: destination.name,
    canBeAsked: destination.confirm !== 'none',
    ...(destination.commitment === true && {
      commit: (objects: readonly OutboundObject[], transactionUid: string) =>
        requestCommitment(destination, clock, objects, transactionUid),
    }),

    losesText: ({ path }) => losesText(path, destination.characterSet ?? 'ISO_IR 192'),

    echo: async () => {
      const startMs = clock.monotonicMs();
      const { association, contextId } = await openFor(
        VERIFICATION,
        (refusal) => `it does not offer C-ECHO: ${refusal}`,
      );
      const { status } = await association.finalResponse(
        contextId,
        COMMAND_FIELD.echoRequest,
        new Map([[COMMAND_TAG.affectedSopClassUid, VERIFICATION]]),
      );
      const elapsedMs = clock.monotonicMs() - startMs;
      await association.release();
      if (status !== 0) throw unreachable(destination, `it answered C-ECHO with status ${hex16(status)}`);
      return elapsedMs;
    },

    probe: async () => {
      const ms = await scu.echo();
      const takes = takenSentence(
        destination.name,
        await negotiateForms(destination, clock),
        destination.objects ?? ['report', 'card', 'heatmaps'],
      );
      const found = [takes];
      if (destination.commitment === true)
        found.push(
          (await offersCommitment(destination, clock))
            ? 'offers Storage Commitment'
            : 'offers no Storage Commitment, so that results are looked up',
        );
      if (destination.confirm !== 'none') {
        await scu.holds(UNKNOWN_UID, UNKNOWN_UID, []);
        found.push('answers C-FIND');
      }
      if (destination.retrieve === 'get' || destination.retrieve === 'auto')
        found.push(await probeGet(destination, clock, destination.retrieve === 'get'));
      return { ms, takes: found.join('; ') };
    },

    store: async (objects, stopping) => {
      const files = await Promise.all(objects.map((object) => inspected(object)));
      const sender = createStoreSender(
        destination,
        resultPairs(files.flatMap((file) => ('kind' in file ? [] : [file]))),
        clock,
        { characterSet: destination.characterSet, stopping },
      );
      const outcomes: StoreOutcome[] = [];
      for (const file of files) outcomes.push('kind' in file ? file : await sender.send(file));
      await sender.close();
      if (sender.givenUp)
        log.warn('The destination of results cannot be reached', {
          count: outcomes.filter((outcome) => outcome.kind === 'unreachable').length,
        });
      return outcomes;
    },

    reportsOf: async (studyInstanceUid) => {
      const { association, contextId } = await openFor(
        STUDY_ROOT_FIND,
        (refusal) => `it cannot be asked which reports it holds (C-FIND): ${refusal}`,
      );
      const reports = await findReports(destination, association, contextId, studyInstanceUid);
      await association.release();
      return reports;
    },

    holds: async (studyInstanceUid, seriesInstanceUid, sopInstanceUids) => {
      if (destination.confirm === 'none') return new Set(sopInstanceUids);
      const { association, contextId } = await openFor(
        STUDY_ROOT_FIND,
        (refusal) =>
          `it cannot be asked what it holds (C-FIND): ${refusal}; if it never can, set "confirm: none" for it`,
      );
      const find = (sopInstanceUid: string): Promise<string[]> =>
        findInstances(destination, association, contextId, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
      // The whole series in one query, because archives differ in how they match UID lists. Whatever seems missing is queried again by itself,
      // because an archive may truncate a long answer.
      const found = new Set(await find(''));
      for (const sopInstanceUid of sopInstanceUids) {
        if (!found.has(sopInstanceUid)) for (const uid of await find(sopInstanceUid)) found.add(uid);
      }
      await association.release();
      return new Set(sopInstanceUids.filter((uid) => found.has(uid)));
    },

    filedUnder: async (studyInstanceUid) => {
      if (destination.confirm === 'none') return null;
      try {
        const { association, contextId } = await openFor(STUDY_ROOT_FIND, (refusal) => refusal);
        const keys = new Map([
          [QUERY_RETRIEVE_LEVEL, 'STUDY'],
          [PATIENT_ID, ''],
          [STUDY_INSTANCE_UID, studyInstanceUid],
        ]);
        const found = await findValues(destination, association, contextId, keys, PATIENT_ID);
        await association.release();
        // Several answers to a study's own UID are answers to something else.
        return found.length === 1 && found[0] !== '' ? found[0]! : null;
      } catch (error) {
        // A receipt does not depend on what is asked beside it.
        if (error instanceof TriageError) return null;
        throw error;
      }
    },
  };
  return scu;
}

/** What must be known about the object's file to send it, or why it cannot be sent now. */
async function inspected(object: OutboundObject): Promise<Part10File | Extract<StoreOutcome, { kind: 'unreachable' }>> {
  try {
    const file = await inspectPart10(object.path);
    return file.sopInstanceUid === object.sopInstanceUid
      ? file
      : { kind: 'unreachable', reason: 'The file holds another SOP instance than the one to be sent.' };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { kind: 'unreachable', reason: error.message };
  }
}

/** Reports of a study by C-FIND: its series, and the instances of those that can hold reports. */
async function findReports(
  destination: DimseDestination,
  association: DimseAssociation,
  contextId: number,
  studyInstanceUid: string,
): Promise<HeldReport[]> {
  const find = (level: string, keys: readonly (readonly [number, string])[]) => {
    const identifier = new Map([[QUERY_RETRIEVE_LEVEL, level], [STUDY_INSTANCE_UID, studyInstanceUid], ...keys]);
    return findMatches(destination, association, contextId, identifier, MAX_MATCHES);
  };
  const reports: HeldReport[] = [];
  // Archives differ in whether they match by modality, so all series are listed.
  const allSeries = await find('SERIES', [
    [MODALITY, ''],
    [SERIES_INSTANCE_UID, ''],
  ]);
  for (const series of allSeries) {
    const modality = textOf(series, MODALITY);
    const seriesInstanceUid = textOf(series, SERIES_INSTANCE_UID);
    if (!REPORT_MODALITIES.includes(modality) || seriesInstanceUid === '') continue;
    const instances = await find('IMAGE', [
      [SOP_CLASS_UID, ''],
      [SOP_INSTANCE_UID, ''],
      [SERIES_INSTANCE_UID, seriesInstanceUid],
      [VERIFICATION_FLAG, ''],
    ]);
    for (const instance of instances) {
      if (!REPORT_SOP_CLASSES.has(textOf(instance, SOP_CLASS_UID))) continue;
      const flag = textOf(instance, VERIFICATION_FLAG);
      const isVerified = flag === '' ? null : flag === 'VERIFIED';
      reports.push({ sopInstanceUid: textOf(instance, SOP_INSTANCE_UID), seriesInstanceUid, modality, isVerified });
    }
  }
  return reports;
}

/** SOP instances that match the keys; an empty key matches all. */
function findInstances(
  destination: DimseDestination,
  association: DimseAssociation,
  contextId: number,
  keys: { studyInstanceUid: string; seriesInstanceUid: string; sopInstanceUid: string },
): Promise<string[]> {
  const identifier = new Map([
    [SOP_INSTANCE_UID, keys.sopInstanceUid],
    [QUERY_RETRIEVE_LEVEL, 'IMAGE'],
    [STUDY_INSTANCE_UID, keys.studyInstanceUid],
    [SERIES_INSTANCE_UID, keys.seriesInstanceUid],
  ]);
  return findValues(destination, association, contextId, identifier, SOP_INSTANCE_UID);
}

/** The values of `tag` in everything that matches the identifier (PS3.4 C.4.1). */
async function findValues(
  destination: DimseDestination,
  association: DimseAssociation,
  contextId: number,
  identifier: ReadonlyMap<number, string>,
  tag: number,
): Promise<string[]> {
  const matches = await findMatches(destination, association, contextId, identifier, MAX_MATCHES);
  return matches.map((match) => textOf(match, tag));
}
