/**
 * How far a network that was trained on phantoms carries: what it says of real scans when its domain check is switched off. Never for use on patients.
 *
 *   npx tsx training/openGate.ts --scans DIR [--model DIR]
 *
 * DIR has a folder for each scan. The check is switched off in a copy of the package that is deleted at the end; no setting of the agent does that.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { createLog } from '../src/base/log.ts';
import { analyseFolder } from '../src/cohort/analyseFolder.ts';
import type { Findings } from '../src/case/case.ts';
import { configFrom } from '../src/config/configFile.ts';

interface Manifest {
  domain: { limit: number; anatomy?: object; texture?: object };
}

const { values } = parseArgs({ options: { scans: { type: 'string' }, model: { type: 'string' } } });
if (values.scans === undefined) throw new Error('--scans DIR is needed: a folder with a folder for each scan');
const scans = values.scans;
const modelDir = values.model ?? configFrom({}).infer.modelDir;

const open = await mkdtemp(join(tmpdir(), 'odontoid-open-gate-'));
try {
  await cp(modelDir, open, { recursive: true });
  const manifest = JSON.parse(await readFile(join(open, 'model.json'), 'utf8')) as Manifest;
  manifest.domain.limit = Number.MAX_SAFE_INTEGER;
  delete manifest.domain.anatomy;
  delete manifest.domain.texture;
  await writeFile(join(open, 'model.json'), JSON.stringify(manifest));
  const folders = (await readdir(scans, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const said: { name: string; closed: Findings; opened: Findings }[] = [];
  for (const { name } of folders) {
    const folder = join(scans, name);
    const one = { name, closed: await findings(folder, modelDir), opened: await findings(folder, open) };
    said.push(one);
    process.stdout.write(`${name}: ${words(one.closed)}; with the check switched off: ${words(one.opened)}\n`);
  }
  const scored = said.filter(({ opened }) => opened.probability !== null);
  const flagged = scored.filter(({ opened }) => opened.decision === 'suspected');
  const refused = said.filter(({ closed }) => closed.probability === null);
  process.stdout.write(
    `${refused.length} of ${said.length} scans are not scored. With the check switched off ${scored.length} are, and ${flagged.length} of them flagged.\n`,
  );
} finally {
  await rm(open, { recursive: true, force: true });
}

async function findings(folder: string, model: string): Promise<Findings> {
  // What judges the scans has the priority of this command.
  const config = configFrom({ infer: { modelDir: model, niceness: Math.max(0, getPriority()) } });
  return (await analyseFolder({ folder, config, clock: systemClock, log: createLog('error') })).findings;
}

function words({ probability, domainDistance, reason }: Findings): string {
  const distance = domainDistance === null ? '' : ` (distance ${domainDistance.toFixed(2)})`;
  return `${probability === null ? `not scored, ${reason ?? ''}` : probability.toFixed(3)}${distance}`;
}
