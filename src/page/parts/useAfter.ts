import { useEffect, useState } from 'preact/hooks';

/** False at first, true once this time has passed. */
export function useAfter(afterMs: number): boolean {
  const [passed, setPassed] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setPassed(true), afterMs);
    return () => window.clearTimeout(timer);
  }, [afterMs]);
  return passed;
}
