import { useEffect } from 'preact/hooks';

const USES = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;

/** Calls `onIdle` whenever the page has had no input for `afterMs`. */
export function useIdle(afterMs: number, onIdle: () => void): void {
  useEffect(() => {
    let timer = 0;
    const used = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(onIdle, afterMs);
    };
    used();
    for (const use of USES) document.addEventListener(use, used, { passive: true });
    return () => {
      window.clearTimeout(timer);
      for (const use of USES) document.removeEventListener(use, used);
    };
  }, [afterMs, onIdle]);
}
