// CI tries each property at full length on Node 24 and only briefly on the other Nodes, where a difference of the engine would show at once.
// Those that have a number of their own ask `briefly` (soakSize.ts).
const runs = process.env['PROPERTY_RUNS'];
if (runs !== undefined) (await import('fast-check')).configureGlobal({ numRuns: Number(runs) });
