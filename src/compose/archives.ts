import { mayBeAccepted } from '../case/selection.ts';
import type { Config, Destination } from '../config/config.ts';
import { RETRIEVE_TIMEOUT_MS, type ArchiveClient } from '../pacs/archiveClient.ts';
import { createDicomWebArchive } from '../pacs/dicomWebArchive.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import { createRetrieveScu } from '../pacs/retrieveScu.ts';
import { recordedStudy } from '../pull/recordedStudy.ts';
import type { PullPorts } from '../pull/pullStudy.ts';
import type { WatchedArchive } from '../pull/watchArchives.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import { dimsePeer, webAccess } from './destinations.ts';
import { createWebDoor, isWebArchive, sourceNameOf, type StowDoor } from './stowDoor.ts';

/** Where what the agent fetches comes in: the receiver, for objects by C-GET and for bodies by WADO-RS. Null while it does not listen. */
export interface FetchDoors {
  storage: () => StorageDoor | null;
  stow: () => StowDoor | null;
}

interface FetchOptions {
  doors: FetchDoors;
  ports: Pick<AgentPorts, 'clock' | 'environment'>;
  isBackground?: boolean;
  /** How long the archive may be silent while it is to send a study. */
  silenceMs?: number;
}

/** Whether a destination can be asked for studies. One that answers no queries cannot. */
export function isArchive(destination: Destination): boolean {
  return destination.kind === 'dimse' || isWebArchive(destination);
}

/** Finds and fetches studies of a destination, in the way that is configured for it. */
export function archiveClient(
  destination: Destination,
  {
    doors,
    ports,
    isBackground = false,
    silenceMs = Math.max(destination.timeoutMs, RETRIEVE_TIMEOUT_MS),
  }: FetchOptions,
): ArchiveClient {
  const { clock } = ports;
  if (destination.kind === 'dicomweb') {
    const service = { ...destination, ...webAccess(destination, ports) };
    return createDicomWebArchive(service, { clock, door: createWebDoor(doors.stow), silenceMs });
  }
  const peer = { ...dimsePeer(destination), timeoutMs: silenceMs };
  return createRetrieveScu(peer, { clock, way: destination.retrieve, door: doors.storage, isBackground });
}

/** The archives of these names, to be asked by the agent itself. */
export function askedArchives(
  { config, ports }: { config: Config; ports: FetchOptions['ports'] },
  names: readonly string[],
  way: Omit<FetchOptions, 'ports'>,
): WatchedArchive[] {
  return config.destinations
    .filter((destination) => names.includes(destination.name) && isArchive(destination))
    .map((destination) => {
      const sourceAeTitle = destination.kind === 'dimse' ? destination.aeTitle : sourceNameOf(destination.name);
      return {
        name: destination.name,
        client: archiveClient(destination, { ...way, ports }),
        // The rules are looked up at each study: the page may change them.
        mayBeWanted: (study) =>
          mayBeAccepted(config.selection, { ...study, sourceAeTitle, calledAeTitle: config.receive.aeTitle }),
      };
    });
}

/** What fetching a study needs, from whichever archive. */
export function pullPorts({ config, query, ports: { clock } }: Foundation): Omit<PullPorts, 'retrieve'> {
  return {
    receivingAeTitle: config.receive.aeTitle,
    onRecord: (studyInstanceUid) => recordedStudy(query, studyInstanceUid),
    clock,
  };
}
