import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { criteriaText, type SelectionRule } from '../case/selection.ts';
import type { ConnectionsAnswer, EchoAnswer } from '../answers/adminAnswers.ts';
import type { Administration } from '../web/administration.ts';
import { REFUSAL_ACTIONS, type RefusalKind } from '../receive/refusals.ts';
import type { AuditAction, AuditLog } from '../worklist/audit/audit.ts';
import { refusalAdvice } from './refusalAdvice.ts';
import type { CommitmentStatus } from '../worklist/cases/commitmentRequests.ts';
import type { PriorSearchStatus } from '../worklist/cases/priorSearches.ts';
import type { WatchStatus } from '../worklist/cases/watchedArchives.ts';
import type { ConnectionFacts, DestinationFacts } from '../worklist/list/connectionFacts.ts';

/** A configured peer, and how to test the connection to it. */
interface Peer {
  echo: (() => Promise<number | { ms: number; takes: string }>) | null;
}
type DestinationPeer = Peer &
  Omit<ConnectionsAnswer['destinations'][number], keyof DestinationFacts | 'watch' | 'priors' | 'echo'>;
type SourcePeer = Peer &
  Readonly<Pick<ConnectionsAnswer['sources'][number], 'aeTitle' | 'origin' | 'echoAddress'>> & {
    /** Its requests for commitment are answered. */
    takesCommitments: boolean;
    addresses: readonly string[];
    certificates: readonly string[];
  };

export interface ConnectionsOptions {
  receiver: () => ConnectionsAnswer['receiver'];
  destinations: () => readonly DestinationPeer[];
  /** Whether the page may add destinations. */
  mayChangeDestinations: boolean;
  destinationFiles: () => Promise<ConnectionsAnswer['destinationFiles']>;
  trySource: Administration['connections']['trySource'];
  sources: () => readonly SourcePeer[];
  /** A sender that nobody has let in, and that an admin may let in on the page. */
  mayBeLetIn: (aeTitle: string, address: string) => boolean;
  selection: () => readonly SelectionRule[];
  facts: ConnectionFacts;
  /** Null for an archive that is not watched. */
  watchOf: (name: string) => Promise<WatchStatus | null>;
  /** Null for an archive that is not asked for priors. */
  priorsOf: (name: string) => Promise<PriorSearchStatus | null>;
  commitmentsOf: (aeTitle: string) => Promise<CommitmentStatus>;
  audit: Pick<AuditLog, 'page'>;
  clock: Clock;
}

/** Number of audit entries examined, of each kind, and of lines made from all of them. */
const NEWEST_ENTRIES = 100;
const MOST_REFUSALS = 20;

/** Configured destinations and sources: their traffic, and whether they answer. */
export function createConnections({
  receiver,
  destinations,
  mayChangeDestinations,
  destinationFiles,
  trySource,
  sources,
  mayBeLetIn,
  selection,
  facts,
  watchOf,
  priorsOf,
  commitmentsOf,
  audit,
  clock,
}: ConnectionsOptions): Administration['connections'] {
  const echoes = new Map<string, EchoAnswer>();
  const echoed = (kind: string, name: string): EchoAnswer | null => echoes.get(`${kind} ${name}`) ?? null;

  return {
    trySource,
    list: async () => {
      const received = await facts.sources();
      const taken = await facts.selected();
      return {
        receiver: receiver(),
        mayChangeDestinations,
        destinationFiles: await destinationFiles(),
        destinations: await Promise.all(
          destinations().map(async (destination) => ({
            ...destination,
            ...(await facts.destination(destination.name)),
            watch: await watchOf(destination.name),
            priors: await priorsOf(destination.name),
            echo: echoed('destination', destination.name),
          })),
        ),
        sources: await Promise.all(
          sources().map(async ({ aeTitle, origin, addresses, certificates, echoAddress, takesCommitments }) => ({
            aeTitle,
            origin,
            addresses: [...addresses],
            certificates: [...certificates],
            echoAddress,
            commitments: takesCommitments ? await commitmentsOf(aeTitle) : null,
            lastReceivedAtMs: received.get(aeTitle)?.lastReceivedAtMs ?? null,
            studies: received.get(aeTitle)?.studies ?? 0,
            echo: echoed('source', aeTitle),
          })),
        ),
        selection: selection().map(({ name, when, do: action, destinations: sent }) => ({
          name,
          when: criteriaText(when),
          do: action,
          destinations: sent === undefined ? null : [...sent],
          studies: taken.get(name) ?? 0,
        })),
        rejections: await refusals(audit, mayBeLetIn),
      };
    },
    echo: async (kind, name) => {
      const peer =
        kind === 'destination'
          ? destinations().find((one) => one.name === name)
          : sources().find((one) => one.aeTitle === name);
      if (peer === undefined) throw new TriageError('not-found', `The configuration names no ${kind} ${name}.`);
      if (peer.echo === null)
        throw new TriageError(
          'command-invalid',
          `The configuration does not say where ${name} answers: set receive.sources[].echo to its host and port.`,
        );
      const answer = await echoAnswerOf(peer.echo, clock);
      echoes.set(`${kind} ${name}`, answer);
      return answer;
    },
  };
}

/** What a peer answers to a test of the connection: an answer too when it does not. */
export function echoAnswerOf(
  ask: () => Promise<number | { ms: number; takes: string }>,
  clock: Pick<Clock, 'now'>,
): Promise<EchoAnswer> {
  return ask().then(
    (answered): EchoAnswer => {
      const { ms, takes } = typeof answered === 'number' ? { ms: answered, takes: null } : answered;
      return { ok: true, atMs: clock.now(), ms: Math.round(ms * 10) / 10, takes, error: null };
    },
    (error: unknown): EchoAnswer => {
      if (!(error instanceof TriageError)) throw error;
      return { ok: false, atMs: clock.now(), ms: null, takes: null, error: error.message };
    },
  );
}

type RefusalLine = ConnectionsAnswer['rejections'][number];

/** What was refused recently: who wanted what, why not, how often, and what to do. Repeated refusals are one line. */
async function refusals(
  audit: Pick<AuditLog, 'page'>,
  mayBeLetIn: ConnectionsOptions['mayBeLetIn'],
): Promise<RefusalLine[]> {
  const lines = new Map<string, RefusalLine>();
  for (const [kind, action] of Object.entries(REFUSAL_ACTIONS) as [RefusalKind, AuditAction][]) {
    for (const { atMs, actor, address, detail } of await audit.page({ action }, NEWEST_ENTRIES)) {
      const why = textIn(detail['why']);
      const what = textIn(detail['what']);
      const count = typeof detail['count'] === 'number' ? detail['count'] : 1;
      const key = JSON.stringify([kind, actor, address, what, why]);
      const known = lines.get(key);
      if (known !== undefined) known.count += count;
      else
        lines.set(key, {
          kind,
          atMs,
          callingAeTitle: actor,
          address,
          what,
          why,
          count,
          advice: refusalAdvice(kind, why),
          mayBeLetIn: kind === 'association' && mayBeLetIn(actor, address),
        });
    }
  }
  return [...lines.values()].sort((a, b) => b.atMs - a.atMs).slice(0, MOST_REFUSALS);
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
