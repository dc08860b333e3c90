import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ServerTls } from '../base/tlsAcceptor.ts';
import type { TlsMaterial } from '../base/tlsProfile.ts';
import type { StoredInstance } from '../case/case.ts';
import type { Config } from '../config/config.ts';
import { readTlsFiles } from '../config/tlsFiles.ts';
import { samePixels } from '../infer/samePixels.ts';
import { createIntake } from '../receive/intake.ts';
import { isWrittenBy } from '../receive/spool.ts';
import { startReceiver, type Receiver } from '../receive/receiverProcess.ts';
import { createRefusalRecorder } from '../receive/refusals.ts';
import type { Access } from '../web/access/access.ts';
import type { Foundation } from './agentPorts.ts';
import { createCommitments, takeReport } from './commitments.ts';
import type { LiveSources } from './liveSources.ts';
import type { OwnCertificates } from './ownCertificates.ts';
import type { OtherNodes } from './nodes.ts';
import { ownAddresses, ownSources } from './ownDoor.ts';
import { leaveStowDoor, stowLimits } from './stowDoor.ts';

/**
 * The store, with a check of which objects are other versions of an image on record with the same pixels: those are the same image, not a conflict. Several
 * versions in one batch are compared only with what is on record, so possibly new objects are recorded first.
 */
function recordSameImages(store: Foundation['store'], resolvePath: (path: string) => string): Foundation['store'] {
  return {
    ...store,
    recordInstances: async (instances) => {
      const seen = new Set<string>();
      const first = instances.findIndex(({ header }) => seen.size === seen.add(header.sopInstanceUid).size);
      const batch = first === -1 ? instances : instances.slice(0, first);
      const pairs: { path: string; first: string; second: string }[] = [];
      for (const instance of batch) {
        const other = await store.otherVersion(instance);
        if (other !== null)
          pairs.push({ path: instance.path, first: resolvePath(other), second: resolvePath(instance.path) });
      }
      const same = await samePixels(pairs);
      const outcomes = await store.recordInstances(
        batch,
        new Set(pairs.filter((_, i) => same[i]).map(({ path }) => path)),
      );
      if (first === -1) return outcomes;
      return [...outcomes, ...(await recordSameImages(store, resolvePath).recordInstances(instances.slice(first)))];
    },
  };
}

/** A receiver whose objects are put on record. */
interface Receiving {
  receiver: Receiver;
  /** Whether everything that was acknowledged of the study is on record now. */
  isOnRecord: (studyInstanceUid: string) => boolean;
  /** Puts on record what these nodes have acknowledged and left to nobody: they are gone. @throws TriageError `receiver-died` */
  takeInOf: (nodes: readonly string[]) => Promise<void>;
}

/**
 * Starts the receiver and the recording of its objects, and records what a crash left on disk only. Resolves when everything that was acknowledged
 * before is on record.
 */
export async function startReceiving(
  foundation: Foundation,
  {
    access,
    sources,
    certificates,
    stowSecret,
    proofAeTitle,
    onNew,
    onListening,
    others,
  }: {
    access: Pick<Access, 'audit'>;
    sources: LiveSources;
    certificates: Pick<OwnCertificates, 'onRenewed'>;
    /** What the page's server shows when it hands on a STOW-RS request. */
    stowSecret: string;
    proofAeTitle: string;
    onNew: (instances: readonly StoredInstance[]) => void;
    onListening: (receiver: Receiver) => void;
    others: Pick<OtherNodes, 'receive'>;
  },
): Promise<Receiving> {
  const {
    config,
    values,
    paths,
    store,
    nodes,
    nodeName,
    resolvePath,
    releasers,
    ports: { clock, log },
  } = foundation;
  // A SQLite file has one receiver, which needs no name.
  const node = nodes === null ? undefined : nodeName;
  const intake = createIntake({
    store: recordSameImages(store, resolvePath),
    resolvePath,
    onNew,
    longestPauseMs: config.assemble.longestPauseMs,
    othersReceive: others.receive,
    clock,
    log: log.child({ component: 'intake' }),
  });
  releasers.push('intake', intake.close);
  const refusals = createRefusalRecorder(access.audit.append, clock, log.child({ component: 'receiver' }));
  releasers.push('refusals', refusals.close);

  const commitments = createCommitments(foundation, {
    sources: () => sources.all(),
    allOnRecord: () => intake.drained(),
    othersReceive: others.receive,
    onRefused: refusals.refused,
  });
  const addresses = await ownAddresses(config.receive);
  // The page may change sources and destinations at any moment.
  const callers = () => ({
    sources: [...sources.all(), ...ownSources(config, addresses, proofAeTitle)],
    otherAeTitles: [...config.receive.otherAeTitles, ...callingAeTitles(config)],
  });
  const { tls, ...settings } = config.receive;
  const stow = stowLimits(config);
  const receiver = await startReceiver({
    config: {
      ...settings,
      ...(tls === undefined ? {} : { tls: receiveTls(tls, readTlsFiles(tls)) }),
      stow: stow === null ? undefined : { ...stow, port: 0, secret: stowSecret },
      ...callers(),
      // The proof of life has a place of its own.
      maxAssociations: config.receive.maxAssociations + 1,
    },
    spoolDir: paths.spool,
    node,
    longestPauseMs: config.assemble.longestPauseMs,
    clock,
    log: log.child({ component: 'receiver' }),
    onStored: (instance) => {
      intake.stored(instance);
    },
    onCommitmentAsked: commitments.ask,
    onCommitmentReported: (reported) => takeReport(foundation, reported),
    onRefused: (refusal) => {
      refusals.refused(refusal);
      const { header, why, callingAeTitle: sourceAeTitle } = refusal;
      if (header !== undefined) intake.refused({ header, why, refusedAtMs: clock.now(), sourceAeTitle });
    },
    onReleased: (_associationId, studyInstanceUids, end) => {
      intake.ended(studyInstanceUids, end);
    },
  });
  releasers.push('receiver', async () => {
    await receiver.close();
    await intake.drained();
  });
  if (tls !== undefined)
    certificates.onRenewed('receive.tls', (material) => receiver.renewTls(receiveTls(tls, material)));
  const allow = (): void => receiver.allow(callers());
  sources.onChange(allow);
  values.onChange(allow);
  onListening(receiver);
  const stowPort = receiver.stowPort();
  // For odontoid pull. The port stays the same when the receiver is started again.
  if (stowPort !== null)
    releasers.push('stow door', await leaveStowDoor(config.dataDir, { port: stowPort, secret: stowSecret }));
  const takeIn = async (isMeant: (path: string) => boolean): Promise<void> => {
    const lost = (await unrecorded(paths.spool, await store.knownPaths())).filter(isMeant);
    if (lost.length === 0) return;
    log.warn('objects on disk that are not on record are taken in', { count: lost.length });
    await receiver.describe(lost);
    await intake.drained();
    // The quiet time of their studies begins now: a sender that was cut off is only coming back.
    await store.settleDueTimes({ hasStepped: false });
  };
  await takeIn((path) => isWrittenBy(node, path));
  commitments.begin();
  return {
    receiver,
    isOnRecord: (studyInstanceUid) => !intake.holds(studyInstanceUid),
    takeInOf: (nodes) => takeIn((path) => nodes.some((name) => isWrittenBy(name, path))),
  };
}

/** AE titles by which the agent asks for commitments: an archive calls them when it reports on an association of its own. */
function callingAeTitles({ destinations }: Config): string[] {
  return destinations.flatMap((one) => (one.kind === 'dimse' && one.commitment ? [one.callingAeTitle] : []));
}

function receiveTls(
  { host, port, clientCertificates }: NonNullable<Config['receive']['tls']>,
  { cert = '', key = '', ca }: TlsMaterial,
): ServerTls {
  return { host, port, clientCertificates, cert, key, ...(ca === undefined ? {} : { ca }) };
}

/** Paths, relative to the spool, of objects on disk that the database does not know: they were acknowledged just before a crash. */
async function unrecorded(spoolDir: string, known: ReadonlySet<string>): Promise<string[]> {
  const objects = join(spoolDir, 'objects');
  if (!existsSync(objects)) return [];
  const files = await readdir(objects, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.dcm'))
    .map((file) => relative(spoolDir, join(file.parentPath, file.name)))
    .filter((path) => !known.has(path));
}
