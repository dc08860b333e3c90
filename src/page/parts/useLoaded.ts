import { useCallback, useEffect, useState } from 'preact/hooks';
import { read, Refused } from './session.ts';
import { shellWords } from './shellWords.ts';

interface Loaded<T> {
  /** Null until the first answer. */
  value: T | null;
  /** Why the newest request failed; empty when it succeeded. */
  problem: string;
  reload: () => void;
}

/** The response at `path`, requested again every `everyMs` while the page is visible. An older response never replaces a newer one. */
export function useLoaded<T>(path: string, everyMs: number | null = null): Loaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState('');
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((old) => old + 1), []);
  useEffect(() => {
    let current = true;
    read<T>(path).then(
      (found) => {
        if (!current) return;
        setValue(found);
        setProblem('');
      },
      (error: unknown) => {
        if (current) setProblem(error instanceof Refused ? error.message : shellWords.failed);
      },
    );
    return () => {
      current = false;
    };
  }, [path, turn]);
  useEffect(() => {
    if (everyMs === null) return;
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs, reload]);
  return { value, problem, reload };
}
