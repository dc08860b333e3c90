/**
 * What happens to a network's decisions when scans are blurred, noisy, thick or otherwise changed: a table of decisions that flip and of refusals.
 *
 *   npx tsx training/robustness.ts --dataset DIR [--model DIR] [--cases 40] [--only blur --only noise]
 *
 * Scans are changed in Hounsfield units as stored (perturbations.ts), written anew as DICOM and judged by the agent's own stages. A decision flips when it is another than
 * that of the unchanged scan, at the package's threshold. `--only`: the changes whose names contain one of these, beside the unchanged scans.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { createLog } from '../src/base/log.ts';
import { evaluateCohort } from '../src/cohort/evaluateCohort.ts';
import { configFrom } from '../src/config/configFile.ts';
import { readDataset } from '../src/dataset/readDataset.ts';
import { writeChanged } from './changedScans.ts';
import { sampled } from './exportWorkers.ts';
import { PERTURBATIONS } from './perturbations.ts';
import { ROBUSTNESS_HEAD, robustnessRow, type Judged } from './robustnessTable.ts';

const { values } = parseArgs({
  options: {
    dataset: { type: 'string' },
    model: { type: 'string' },
    cases: { type: 'string', default: '40' },
    only: { type: 'string', multiple: true },
  },
});
if (values.dataset === undefined) throw new Error('--dataset DIR is needed: a labelled dataset (docs/evaluation.md)');
// What judges the scans has the priority of this command.
const infer = {
  niceness: Math.max(0, getPriority()),
  ...(values.model === undefined ? {} : { modelDir: values.model }),
};
const config = configFrom({ infer });
const { cases } = await readDataset(values.dataset);
const chosen = sampled(cases, ({ label }) => label, Number(values.cases));
const scratch = await mkdtemp(join(tmpdir(), 'odontoid-robustness-'));
try {
  process.stdout.write(`${ROBUSTNESS_HEAD.join('\n')}\n`);
  let unchanged: readonly Judged[] | null = null;
  for (const perturbation of PERTURBATIONS) {
    const isAsked = values.only?.some((text) => perturbation.name.includes(text)) ?? true;
    if (unchanged !== null && !isAsked) continue;
    const dir = join(scratch, 'scans');
    const changed = [];
    for (const labelled of chosen) changed.push(await writeChanged(labelled, perturbation, dir));
    const { cases: judged, defaultThreshold } = await evaluateCohort({
      cases: changed,
      cacheDir: join(scratch, 'records'),
      config,
      clock: systemClock,
      log: createLog('error'),
    });
    await rm(dir, { recursive: true });
    // The first of them changes nothing.
    unchanged ??= judged;
    process.stdout.write(`${robustnessRow(perturbation.name, unchanged, judged, defaultThreshold)}\n`);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
