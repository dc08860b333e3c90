// Which tests try which of the sixteen promises (docs/promises.md), and how often each is to be tried.

/** A test file, and how much of it the promise asks for. */
export interface SoakRun {
  project: 'unit' | 'pipeline' | 'interop' | 'browser';
  file: string;
  /** The stated number of each knob. */
  sizes: Record<string, number>;
}

/** A run of one file. */
export const oneFile = (project: SoakRun['project'], file: string, sizes: Record<string, number> = {}): SoakRun => ({
  project,
  file: `test/${project}/${file}.test.ts`,
  sizes,
});

/** Of the sixteen promises; those without a number are tried whole in each run of CI, and here too. */
export const PROMISES: Readonly<Record<number, readonly SoakRun[]>> = {
  1: [
    oneFile('pipeline', 'worklistCrash', { CRASH_ROUNDS: 1_000, CRASH_POINT_ROUNDS: 50 }),
    oneFile('interop', 'receive', { RECEIVER_KILLS: 1_000 }),
  ],
  2: [oneFile('pipeline', 'powerCut', { POWER_CUTS: 170 })],
  3: [oneFile('pipeline', 'worklistCrash', { CRASH_POINT_ROUNDS: 50 }), oneFile('interop', 'archives')],
  4: [oneFile('unit', 'deliver/outage', { OUTAGE_STUDIES: 1_000 })],
  5: [oneFile('unit', 'worklist/cases/histories', { HISTORIES: 10_000 })],
  6: [oneFile('unit', 'receive/interleaving', { INTERLEAVINGS: 10_000 })],
  7: [oneFile('unit', 'worklist/cases/lateSlices', { LATE_SERIES: 200 })],
  8: [oneFile('unit', 'pipeline/poison', { POISON_CASES: 500 })],
  9: [oneFile('pipeline', 'ioFaults', { IO_FAULTS: 1_000_000 })],
  10: [
    oneFile('interop', 'receive', { HOSTILE_STREAMS: 1_000_000, HOSTILE_DATA_SETS: 200_000 }),
    oneFile('unit', 'infer/decodePixels', { HOSTILE_FRAMES: 25_000 }),
  ],
  11: [oneFile('interop', 'flood', { FLOOD_STUDIES: 1_000, FLOOD_SERIES_SLICES: 3_000 })],
  12: [oneFile('unit', 'web/roles')],
  13: [oneFile('unit', 'worklist/audit/audit'), oneFile('unit', 'worklist/thresholds/thresholdChanges')],
  14: [oneFile('pipeline', 'logCanary', { CANARY_STUDIES: 1_000 }), oneFile('unit', 'web/maskedRow')],
  15: [oneFile('interop', 'dicomTls')],
  16: [oneFile('pipeline', 'disaster')],
};
