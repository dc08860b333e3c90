import type { PullRun, PullsAnswer } from '../answers/pullAnswers.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { caseRef } from '../case/caseRef.ts';
import type { ArchiveClient, StudyKey } from '../pacs/archiveClient.ts';
import type { AuditLog } from '../worklist/audit/audit.ts';
import { askedValue, planPull, type PullPlan } from './planPull.ts';
import { pullStudy, type PullPorts } from './pullStudy.ts';

/** An archive that a person may ask for studies. */
export interface PullArchive {
  name: string;
  /** AE title by which it opens associations with the agent (C-MOVE); null for one that sends on those that the agent opens. */
  callingAeTitle: string | null;
  client: Pick<ArchiveClient, 'find' | 'retrieve'>;
}

export interface PullsOptions {
  /** Those that there are now. */
  archives: () => readonly PullArchive[];
  /** Whether anybody with this calling AE title may send now. */
  maySend: (aeTitle: string) => boolean;
  pull: Omit<PullPorts, 'retrieve'>;
  audit: Pick<AuditLog, 'append'>;
  clock: Clock;
  log: Log;
}

/** Who asks for studies, and for which. */
interface PullRequest {
  archive: string;
  key: StudyKey;
  value: string;
  allModalities: boolean;
  by: { name: string; address: string };
}

/** Studies that people ask archives for. What is under way when the agent stops has to be asked for again. */
export interface Pulls {
  /** `forName`: who looks; a value that may name a patient is shown to whoever asked for it. */
  list: (forName: string) => PullsAnswer;
  /**
   * Begins to ask and fetch, in the background.
   * @throws TriageError `not-found` for no such archive, `command-invalid` when it cannot be asked that, or is being asked
   */
  begin: (request: PullRequest) => Promise<PullRun>;
  /** Begins no more studies; waits for nothing that an archive does. */
  stop: () => Promise<void>;
}

/** As on the command line. */
const MOST_STUDIES = 10;
const MOST_RUNS = 20;

type Run = Omit<PullRun, 'says' | 'isGood' | 'value'> & {
  value: string;
  plan: PullPlan | null;
  problem: string | null;
};

export function createPulls({ archives, maySend, pull, audit, clock, log }: PullsOptions): Pulls {
  const runs: Run[] = [];
  let lastId = 0;
  let isStopping = false;

  const fetchAll = async (run: Run, archive: PullArchive, { by, allModalities }: PullRequest): Promise<void> => {
    const { key, value } = run;
    run.plan = await planPull(archive.client, { key, value, allModalities });
    const { length } = run.plan.wanted;
    if (length > MOST_STUDIES)
      throw new TriageError(
        'command-invalid',
        `${length} studies match, and at most ${MOST_STUDIES} are fetched at once: ask for one of them.`,
      );
    run.studies = run.plan.wanted.map(({ studyInstanceUid, studyDate, statedInstances }) => ({
      studyInstanceUid,
      caseRef: caseRef(studyInstanceUid),
      studyDate,
      state: 'waiting',
      objects: 0,
      statedInstances,
      problem: null,
    }));
    for (const [at, study] of run.studies.entries()) {
      if (isStopping) return;
      study.state = 'fetching';
      const { completed, problem } = await pullStudy(run.plan.wanted[at]!, {
        ...pull,
        retrieve: (asked, receivingAeTitle) =>
          archive.client.retrieve(asked, receivingAeTitle, (sent) => {
            study.objects = sent;
          }),
      });
      const isWhole = problem === null;
      study.objects = completed;
      study.problem = problem;
      study.state = isWhole ? 'whole' : 'not-whole';
      if (problem !== null)
        log.warn('a study cannot be fetched', {
          destination: archive.name,
          studyInstanceUid: study.studyInstanceUid,
          reason: problem,
        });
      await audit.append({
        action: 'pull.ended',
        actor: by.name,
        address: by.address,
        target: study.studyInstanceUid,
        detail: { archive: archive.name, objects: completed, whole: isWhole },
      });
    }
  };

  const work = async (run: Run, archive: PullArchive, request: PullRequest): Promise<void> => {
    try {
      await fetchAll(run, archive, request);
    } catch (error) {
      run.problem = error instanceof TriageError ? messageOf(error) : 'it failed inside the agent: see its log';
      log.warn('studies are not fetched', { destination: archive.name, error });
    } finally {
      run.endedAtMs = clock.now();
    }
  };

  return {
    list: (forName) => ({ archives: archives().map(({ name }) => name), runs: runs.map((run) => shown(run, forName)) }),
    begin: async (request) => {
      const archive = archives().find(({ name }) => name === request.archive);
      if (archive === undefined)
        throw new TriageError('not-found', `${request.archive} is no destination that can be asked.`);
      const value = askedValue(request.value);
      const { callingAeTitle } = archive;
      if (callingAeTitle !== null && !maySend(callingAeTitle))
        throw new TriageError(
          'command-invalid',
          `The agent would refuse what ${callingAeTitle} sends: add it to receive.sources.`,
        );
      if (runs.some((one) => one.archive === archive.name && one.endedAtMs === null))
        throw new TriageError('command-invalid', `${archive.name} is being asked already. Wait for its end.`);
      const { key, by } = request;
      const run: Run = {
        id: ++lastId,
        archive: archive.name,
        requestedBy: by.name,
        key,
        value,
        startedAtMs: clock.now(),
        endedAtMs: null,
        studies: [],
        plan: null,
        problem: null,
      };
      runs.unshift(run);
      runs.splice(MOST_RUNS);
      try {
        await audit.append({
          action: 'pull.requested',
          actor: by.name,
          address: by.address,
          target: archive.name,
          detail: { key },
        });
      } catch (error) {
        // What cannot be recorded is not done.
        runs.splice(runs.indexOf(run), 1);
        throw error;
      }
      work(run, archive, request).catch((error: unknown) => log.error('studies are not fetched', { error }));
      return shown(run, by.name);
    },
    stop: () => {
      isStopping = true;
      return Promise.resolve();
    },
  };
}

function shown({ plan, problem, ...run }: Run, forName: string): PullRun {
  const isGood = problem === null && run.studies.every(({ state }) => state !== 'not-whole');
  return {
    ...run,
    studies: run.studies.map((study) => ({ ...study })),
    value: run.requestedBy === forName ? run.value : null,
    says: sentence({ ...run, plan, problem }),
    isGood: isGood && (run.endedAtMs === null || run.studies.length > 0),
  };
}

/** How a run stands, or what came of it. */
function sentence({ archive, plan, problem, studies, endedAtMs }: Run): string {
  if (problem !== null) return problem;
  if (plan === null) return `${archive} is being asked.`;
  const leftOut =
    plan.skipped.length === 0 ? '' : ` Without a CT and left out: ${countOf(plan.skipped.length, 'study', 'studies')}.`;
  if (studies.length === 0) return `${archive} has no such study${leftOut === '' ? '' : ' with a CT'}.${leftOut}`;
  const objects = countOf(
    studies.reduce((sum, study) => sum + study.objects, 0),
    'object',
    'objects',
  );
  const whole = studies.filter(({ state }) => state === 'whole').length;
  if (endedAtMs === null)
    return `${whole} of ${countOf(studies.length, 'study', 'studies')} fetched, ${objects} so far.${leftOut}`;
  const came =
    whole === studies.length
      ? `${countOf(whole, 'study', 'studies')} came whole`
      : `${whole} of ${countOf(studies.length, 'study', 'studies')} came whole`;
  return `${came}: ${objects}.${leftOut}`;
}

function countOf(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
