import type { KeyBinding } from '../parts/keys.ts';
import { caseWords as words } from './caseWords.ts';
import { comparisonWords } from './comparisonWords.ts';
import { WINDOWS } from './drawSlice.ts';
import { nextPeak } from './scoreStrip.tsx';
import type { Slices } from './useSlices.ts';

interface Acts {
  /** Score of each slice; null without scores. */
  scores: readonly number[] | null;
  setWindow: (index: number) => void;
  /** Null without a heatmap. */
  toggleHeatmap: (() => void) | null;
  toggleReformats: () => void;
  toggleCine: () => void;
  /** Null without a prior. */
  toggleComparison: (() => void) | null;
}

/** The viewer's keys, the same as in other viewers. */
export function viewerKeys({ asked, go, step, store }: Slices, acts: Acts): KeyBinding[] {
  const { keys } = words;
  const { scores, setWindow, toggleHeatmap, toggleReformats, toggleCine, toggleComparison } = acts;
  const move = (by: number) => (event: KeyboardEvent) => {
    event.preventDefault();
    step(by);
  };
  const peak = (of: readonly number[], direction: -1 | 1) => () => {
    const at = nextPeak(of, asked(), direction);
    if (at !== null) go(at);
  };
  return [
    { keys: ['ArrowDown', 'ArrowRight'], shown: 'Arrow up', does: keys.slices, repeats: true, run: move(1) },
    { keys: ['ArrowUp', 'ArrowLeft'], shown: '', does: '', repeats: true, run: move(-1) },
    { keys: ['Home'], shown: 'Home', does: keys.ends, run: move(-store.length) },
    { keys: ['End'], shown: '', does: '', run: move(store.length) },
    ...WINDOWS.map((_, at) => ({
      keys: [String(at + 1)],
      shown: at === 0 ? '1 2 3' : '',
      does: at === 0 ? keys.windows : '',
      run: () => setWindow(at),
    })),
    ...(toggleHeatmap === null ? [] : [{ keys: ['o'], shown: 'O', does: keys.overlay, run: toggleHeatmap }]),
    ...(scores === null
      ? []
      : [
          { keys: ['['], shown: '[ ]', does: keys.peaks, run: peak(scores, -1) },
          { keys: [']'], shown: '', does: '', run: peak(scores, 1) },
        ]),
    { keys: ['c'], shown: 'C', does: keys.cine, run: toggleCine },
    { keys: ['m'], shown: 'M', does: keys.reformats, run: toggleReformats },
    ...(toggleComparison === null
      ? []
      : [{ keys: ['p'], shown: 'P', does: comparisonWords.keys.compare, run: toggleComparison }]),
  ];
}
