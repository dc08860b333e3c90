import { stat } from 'node:fs/promises';
import { TriageError } from '../base/errors.ts';
import type { CommitmentReported, CommitmentRequest } from '../case/commitment.ts';
import type { Destination } from '../config/config.ts';
import type { Source } from '../config/pageSources.ts';
import { reportCommitments } from '../deliver/reportCommitments.ts';
import { commitmentReportOf, reportCommitment } from '../pacs/storageCommitment.ts';
import { COMMITMENT_STATUS, type CommitmentAnswer } from '../receive/commitmentService.ts';
import type { Refusal } from '../receive/refusals.ts';
import { createCommitmentRequests, type RecordedObject } from '../worklist/cases/commitmentRequests.ts';
import type { Foundation } from './agentPorts.ts';
import { dimsePeer } from './destinations.ts';

const REPORT_TIMEOUT_MS = 15_000;
/** Within this time a node has what it acknowledged on record, or the database is away for everybody. */
const OTHERS_RECORD_MS = 5_000;

interface CommitmentParts {
  sources: () => readonly Source[];
  /** Resolves when everything that was acknowledged so far is on record. */
  allOnRecord: () => Promise<void>;
  /** Whether other nodes receive too: what they have acknowledged a moment ago may not be on record yet. */
  othersReceive: () => boolean;
  onRefused: (refusal: Refusal) => void;
}

/** What the receiver needs to answer senders that ask for commitment. */
export interface Commitments {
  /** Puts a request on record, or says why it cannot be. */
  ask: (request: CommitmentRequest) => Promise<CommitmentAnswer>;
  /** Reports what is due from now on: not before everything that a crash left out is on record. */
  begin(): void;
}

/**
 * What is wrong, and what to do, where a destination is asked for commitments and the reports that it makes on associations of its own would be refused,
 * because it is no sender. Nothing where they are taken.
 */
export function refusedReports(destination: Destination, sources: readonly Source[]): string[] {
  if (destination.kind !== 'dimse' || !destination.commitment) return [];
  const { aeTitle, host, callingAeTitle } = destination;
  if (sources.some((source) => source.aeTitle === aeTitle)) return [];
  return [
    `reports on commitments that it makes later, on associations of its own, are refused: add {aeTitle: ${aeTitle}, addresses: [${host}]} to receive.sources, and let it know ${callingAeTitle} with this machine's address and receive.port`,
  ];
}

/** Takes the report of an archive on what the agent asked it for (PS3.4 J.3.3), for delivery to record. */
export async function takeReport(
  { store, ports: { log } }: Pick<Foundation, 'store' | 'ports'>,
  { sourceAeTitle, report }: CommitmentReported,
): Promise<CommitmentAnswer> {
  const taken = await store.takeCommitmentReport(report.transactionUid, commitmentReportOf(report));
  if (taken === 'unknown')
    return { status: COMMITMENT_STATUS.processingFailure, why: 'a report on a transaction that was not asked for' };
  log.info('an archive reports on a commitment', {
    component: 'commitment',
    aeTitle: sourceAeTitle,
    count: report.referenced.length + report.failed.length,
    state: taken,
  });
  return { status: COMMITMENT_STATUS.success, why: '' };
}

/** Storage Commitment as SCP (PS3.4 J): requests go into the database, and reports from there to the address that the configuration has for their sender. */
export function createCommitments(
  { database, leases, resolvePath, releasers, ports: { clock, log } }: Foundation,
  { sources, allOnRecord, othersReceive, onRefused }: CommitmentParts,
): Commitments {
  const queue = createCommitmentRequests(database, clock);
  const addressOf = (aeTitle: string) =>
    sources().find((source) => source.aeTitle === aeTitle && source.commitment !== undefined)?.commitment;
  let reports: ReturnType<typeof reportCommitments> | null = null;
  return {
    ask: async (request) => {
      if (addressOf(request.sourceAeTitle) === undefined)
        return {
          status: COMMITMENT_STATUS.notAuthorized,
          why: 'no address to report to (receive.sources[].commitment)',
        };
      await queue.note(request);
      reports?.nudge();
      return { status: COMMITMENT_STATUS.success, why: '' };
    },
    begin: () => {
      reports = reportCommitments({
        queue,
        isOurs: async () => (await leases.hold('commitments')) !== null,
        heldClasses: async (references) => {
          await allOnRecord();
          const look = async () => heldClasses(await queue.recorded(references), resolvePath);
          const held = await look();
          if (!othersReceive() || references.every(({ sopInstanceUid }) => held.has(sopInstanceUid))) return held;
          await clock.sleep(OTHERS_RECORD_MS);
          return look();
        },
        report: ({ sourceAeTitle, calledAeTitle }, report) => {
          const address = addressOf(sourceAeTitle);
          if (address === undefined)
            throw new TriageError('pacs-unreachable', `${sourceAeTitle} has no receive.sources[].commitment any more.`);
          const peer = { name: sourceAeTitle, aeTitle: sourceAeTitle, callingAeTitle: calledAeTitle };
          return reportCommitment({ ...peer, ...dimsePeer(address), timeoutMs: REPORT_TIMEOUT_MS }, clock, report);
        },
        onGivenUp: ({ sourceAeTitle: callingAeTitle }, why) =>
          onRefused({
            kind: 'commitment',
            callingAeTitle,
            address: '',
            what: '',
            why: `the report was not taken: ${why}`,
          }),
        clock,
        log: log.child({ component: 'commitment' }),
      });
      releasers.push('commitments', reports.stop);
    },
  };
}

/** SOP classes under which each object lies on disk with all its bytes. */
async function heldClasses(
  recorded: readonly RecordedObject[],
  resolvePath: (path: string) => string,
): Promise<Map<string, Set<string>>> {
  const held = new Map<string, Set<string>>();
  for (const { sopClassUid, sopInstanceUid, path, sizeBytes } of recorded) {
    const file = await stat(resolvePath(path)).catch(() => null);
    if (file?.isFile() !== true || file.size !== sizeBytes) continue;
    held.set(sopInstanceUid, (held.get(sopInstanceUid) ?? new Set()).add(sopClassUid));
  }
  return held;
}
