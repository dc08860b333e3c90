// Draws docs/pictures/triage-card.png and heatmap.png: what the agent writes for a synthetic study, with the network that is shipped.
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { analyseFolder } from '../src/cohort/analyseFolder.ts';
import { systemClock } from '../src/base/clock.ts';
import { configFrom } from '../src/config/configFile.ts';
import { packageRoot } from '../src/base/packageRoot.ts';
import { readHeader } from '../src/dicom/header.ts';
import { createLog } from '../src/base/log.ts';
import { generatePhantom } from '../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { writePhantomStudy } from '../src/phantom/writePhantomStudy.ts';

/** A seed that is not in the network's training set. */
const SEED = 9_000_003;
const folder = await mkdtemp(join(tmpdir(), 'odontoid-pictures-'));
try {
  const phantom = generatePhantom(
    drawPhantomParams(SEED, { slices: 80, fractures: [{ fracture: 'burst@C5', grade: 'obvious' }] }),
  );
  await writePhantomStudy(phantom, { dir: join(folder, 'study') });
  const { findings, files } = await analyseFolder({
    folder: join(folder, 'study'),
    out: join(folder, 'out'),
    config: configFrom({}),
    clock: systemClock,
    log: createLog('error'),
  });
  if (findings.decision !== 'suspected') throw new Error(`The study is ${findings.decision}: no heatmap to show.`);
  const pictures = resolve(packageRoot, 'docs/pictures');
  await mkdir(pictures, { recursive: true });
  for (const path of files.filter((file) => file.endsWith('.dcm'))) {
    const { imageType, instanceNumber, sopInstanceUid } = readHeader(await readFile(path));
    const name = imageType.includes('AI_SUMMARY')
      ? 'triage-card.png'
      : imageType.includes('AI_HEATMAP') && instanceNumber === 2
        ? 'heatmap.png'
        : null;
    if (name !== null) await copyFile(join(folder, 'out', `${sopInstanceUid}.png`), join(pictures, name));
  }
  const best = findings.keySlices[0]!.sliceIndex;
  process.stdout.write(
    `probability ${findings.probability?.toFixed(3)}, best slice ${best + 1} of ${phantom.slices}, fractured there: ${phantom.sliceLabels[best]}\n`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
