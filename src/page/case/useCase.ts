import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { followFeed } from '../parts/feed.ts';
import { LIVE, type Freshness } from '../parts/freshness.ts';
import { Refused } from '../parts/session.ts';
import type { CaseAnswer } from '../../answers/caseAnswer.ts';
import { fetchCase } from './caseApi.ts';
import { caseWords as words } from './caseWords.ts';

const DIFFERENT_PATIENT_MS = 2_000;
/** The patient of the case that was on the screen before. */
let patientBefore: string | null = null;

export interface OpenCase {
  /** Null until the first answer. */
  answer: CaseAnswer | null;
  fresh: Freshness;
  /** Why there is no such case, as a sentence; null while there is one. */
  missing: string | null;
  /** What could not be done, as a sentence. */
  problem: string | null;
  setProblem: (problem: string | null) => void;
  /** True for a moment when the case on the screen before was another patient's. */
  different: boolean;
  /** Reads the case again once `work` is done, or reports why it failed. Returns `work`. */
  act: (work: Promise<void>) => Promise<void>;
}

/** A case, kept up to date while it is on the screen. */
export function useCase(caseRef: string): OpenCase {
  const [answer, setAnswer] = useState<CaseAnswer | null>(null);
  const [fresh, setFresh] = useState<Freshness>(LIVE);
  const [missing, setMissing] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [different, setDifferent] = useState(false);
  const refresh = useRef<() => Promise<void>>(() => Promise.resolve());

  useEffect(() => {
    let current = true;
    let opened = false;
    const read = async () => {
      try {
        const known = await fetchCase(caseRef, opened ? 'still-open' : 'opened');
        opened = true;
        if (!current) return;
        const patient = `${known.row.patientId} ${known.row.patientName}`;
        if (patientBefore !== null && patientBefore !== patient) setDifferent(true);
        patientBefore = patient;
        setAnswer(known);
      } catch (error) {
        if (!(error instanceof Refused) || (error.status !== 404 && error.status !== 410)) throw error;
        if (current) setMissing(error.status === 410 ? error.message : words.notFound);
      }
    };
    const feed = followFeed(read, setFresh);
    refresh.current = feed.refresh;
    return () => {
      current = false;
      feed.stop();
    };
  }, [caseRef]);
  useEffect(() => {
    if (!different) return;
    const timer = window.setTimeout(() => setDifferent(false), DIFFERENT_PATIENT_MS);
    return () => window.clearTimeout(timer);
  }, [different]);

  const act = useCallback((work: Promise<void>) => {
    work.then(
      () => {
        setProblem(null);
        return refresh.current();
      },
      (error: unknown) => setProblem(words.failed(error instanceof Error ? error.message : String(error))),
    );
    return work;
  }, []);
  return { answer, fresh, missing, problem, setProblem, different, act };
}
