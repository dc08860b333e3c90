import fc from 'fast-check';

// How much of a promise is tried: little in CI, the stated number by `npm run soak -- --promise N`.

/** How many times: `name` in the environment, else the size of CI. */
export function tries(name: string, inCi: number): number {
  return Number(process.env[name] ?? briefly(inCi));
}

/** How often a property is tried that is dear, or for which 100 times are too few: fewer where `propertyRuns.ts` says so. */
export function briefly(runs: number): number {
  return Math.min(runs, Number(process.env['PROPERTY_RUNS'] ?? runs));
}

/** Seed of what is drawn at random: the same in each run of CI. */
export function soakSeed(inCi = 20_261_129): number {
  return Number(process.env['SOAK_SEED'] ?? inCi);
}

/** The step at which a run that was broken off goes on. */
export function soakFrom(): number {
  return Number(process.env['SOAK_FROM'] ?? 1);
}

/** How long a test may take, ms. */
export function soakTimeout(inCiMs: number): number {
  return Number(process.env['SOAK_TIMEOUT_MS'] ?? inCiMs);
}

/** Draws `count` samples, so many at a time that a million fit into memory. */
export function* drawn<T>(arbitrary: fc.Arbitrary<T>, count: number, seed: number): Generator<T, void, void> {
  const BATCH = 50;
  for (let from = 0; from < count; from += BATCH)
    yield* fc.sample(arbitrary, { numRuns: Math.min(BATCH, count - from), seed: seed + from });
}
