import type {
  ConnectionsAnswer,
  DestinationEntry,
  EchoAnswer,
  NeedsAttention,
  RemovedStudies,
  ProofAnswer,
  ProofRun,
  RoutingAnswer,
  SettingsAnswer,
  SourceTrial,
  SystemDetail,
  SystemFigures,
} from '../answers/adminAnswers.ts';
import type { PullRun, PullsAnswer } from '../answers/pullAnswers.ts';
import type { ProofStatus } from '../worklist/proof/proofRuns.ts';
import type { ModelAdministration } from './modelAdministration.ts';
import type { Why } from '../worklist/settings/pageSettings.ts';

/** Who is to be let in, from one address or network, and where it answers C-ECHO if that is known. */
interface Sender {
  aeTitle: string;
  address: string;
  echo?: { host: string; port: number } | undefined;
}

/** What the admin pages need of the agent besides its database; built where the agent is composed. */
export interface Administration {
  proof: {
    settings: Pick<ProofAnswer, 'schedule' | 'expect' | 'sendTo'>;
    /** Null when no schedule is configured. */
    nextAtMs: () => number | null;
    status(): Promise<ProofStatus>;
    newest(limit: number): Promise<ProofRun[]>;
    /** Begins a run, or joins the one under way; resolves with its number. */
    begin(requestedBy: string): Promise<number>;
  };
  models: ModelAdministration;
  connections: {
    list(): Promise<ConnectionsAnswer>;
    /** Tests the connection to a configured peer. @throws TriageError `not-found`, `command-invalid` for a source without an echo address */
    echo(kind: 'destination' | 'source', name: string): Promise<EchoAnswer>;
    /** What letting a sender in would do. @throws TriageError `command-invalid` as for letting it in */
    trySource(sender: Sender): Promise<SourceTrial>;
  };
  destinations: {
    /** False where the site keeps its settings in files. */
    mayChange: boolean;
    /** Where the configuration sets its destinations; null where it has none, or is none of files. */
    place: string | null;
    /** Names that the configuration file has. */
    ofFile: readonly string[];
    /** What the page has set. */
    ofPage(): readonly DestinationEntry[];
    /** Files that one may name as its secrets and certificates, and where they lie. */
    files(): Promise<ConnectionsAnswer['destinationFiles']>;
    /** Tests the connection to a destination that is not set yet. @throws TriageError `command-invalid` */
    try(entry: DestinationEntry): Promise<EchoAnswer>;
    /** Adds a destination, or changes the one called `replaces`, from now on. @throws TriageError `command-invalid`, `not-found` */
    set(entry: DestinationEntry, replaces: string | null, why: Why): Promise<void>;
    /** Takes back what the page has said of one; what waits for it is closed. @throws TriageError `command-invalid`, `not-found` */
    takeBack(name: string, why: Why): Promise<void>;
  };
  pulls: {
    /** What can be asked, and what was; `forName` sees what they have asked for themselves. */
    list(forName: string): PullsAnswer;
    /** Begins to fetch studies in the background. @throws TriageError `not-found`, `command-invalid` */
    begin(request: {
      archive: string;
      key: PullRun['key'];
      value: string;
      allModalities: boolean;
      by: Why['by'];
    }): Promise<PullRun>;
  };
  settings: {
    /** Every setting as it is in force, and what was changed on the page. */
    list(): Promise<SettingsAnswer>;
    /** Lets a sender in from now on. @throws TriageError `command-invalid` */
    letIn(sender: Sender, why: Why): Promise<void>;
    /** Takes back what the page has said of a sender. @throws TriageError `command-invalid`, `not-found` */
    takeBack(aeTitle: string, why: Why): Promise<void>;
    /** What a value would be and do; sets nothing. @throws TriageError `command-invalid` */
    try(key: string, text: string): Promise<{ lines: string[]; effect: string }>;
    /** Sets a value from now on; null takes back what the page has said. @throws TriageError `command-invalid` */
    set(key: string, text: string | null, why: Why): Promise<void>;
    /** What the page has set, as YAML of the form of the configuration file. */
    exported(): string;
    /** Sets what such a YAML says, all of it or nothing; resolves with the keys. @throws TriageError `command-invalid` */
    imported(text: string, why: Why): Promise<string[]>;
  };
  /** What the agent would do with an object that `callingAeTitle` sent from `address`. Stores nothing. */
  testRouting(
    bytes: Uint8Array,
    sender: { callingAeTitle: string; calledAeTitle: string; address: string },
  ): Promise<RoutingAnswer>;
  /** Largest file that `testRouting` accepts, bytes. */
  mostTestedBytes: number;
  /** What needs attention, oldest first. */
  needsAttention(limit: number): Promise<NeedsAttention>;
  /** How much {@link Administration.needsAttention} would list without a limit. */
  countNeedsAttention(): Promise<number>;
  /** Studies that retention has removed, removed last first. */
  removedStudies(limit: number): Promise<RemovedStudies>;
  figures(range: { fromMs: number; toMs: number; stepMs: number }): Promise<SystemFigures>;
  systemDetail(): Promise<SystemDetail>;
}
