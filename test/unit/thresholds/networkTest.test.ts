import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { readTestScores } from '../../../src/infer/testScores.ts';
import { networkTestOf } from '../../../src/thresholds/networkTest.ts';

const SHIPPED = 'models/compact';

it('counts what either rule flags of the test, for the source in question', () => {
  const test = { of: 'cases', fractures: [0.1, 0.4, 0.6, 0.8, 0.95], others: [0.05, 0.45, 0.7] };
  const now = { site: 0.4, bySource: { CT2: 0.9 } };
  expect(networkTestOf(test, '', now, { ...now, site: 0.65 })).toEqual({
    of: 'cases',
    fractures: 5,
    others: 3,
    flaggedNow: { fractures: 4, others: 2 },
    flaggedProposed: { fractures: 2, others: 1 },
  });
  expect(networkTestOf(test, 'CT2', now, { site: 0.4, bySource: {} })).toMatchObject({
    flaggedNow: { fractures: 1, others: 0 },
    flaggedProposed: { fractures: 4, others: 2 },
  });
  expect(networkTestOf(test, '', now, { site: null, bySource: {} })).toMatchObject({
    flaggedProposed: { fractures: 0, others: 0 },
  });
  expect(networkTestOf(null, '', now, now)).toBeNull();
});

it('has the scores of the published report for the shipped network, and those of no other package', async () => {
  const sha256 = createHash('sha256')
    .update(await readFile(`${SHIPPED}/model.json`))
    .digest('hex');
  const report = JSON.parse(await readFile('docs/reports/compact.json', 'utf8')) as {
    model: { sha256: string };
    cases: { label: boolean; probability: number }[];
  };
  expect(report.model.sha256).toBe(sha256);
  const scoresOf = (label: boolean) =>
    report.cases
      .filter((one) => one.label === label)
      .map(({ probability }) => probability)
      .sort((a, b) => a - b);
  const shipped = await readTestScores(SHIPPED, sha256);
  expect(shipped?.scores).toMatchObject({ fractures: scoresOf(true), others: scoresOf(false) });
  expect(await readTestScores(SHIPPED, 'of another package')).toBeNull();
  expect(await readTestScores('docs', sha256)).toBeNull();
});
