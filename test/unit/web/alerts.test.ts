import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { SystemStatus } from '../../../src/answers/systemAnswer.ts';
import { metricsText } from '../../../src/web/metrics.ts';
import { openWorklist } from '../worklist/fixture.ts';
import { READY } from './webFixture.ts';

const path = fileURLToPath(new URL('../../../docs/alerts.yml', import.meta.url));

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}

/** A status in which every metric has a value. */
const WHOLE: SystemStatus = {
  ...READY,
  shadow: { model: null, error: null, toScore: 0 },
  auditRepository: { address: 'tls://arr', sentSeq: 1, waiting: 0, oldestAtMs: null, lastError: null, alarm: null },
  certificates: [{ name: 'web.tls.certFile', expiresAtMs: 1 }],
  waitingResults: [{ destination: 'pacs', objects: 5, bytes: 6, oldestAtMs: 7 }],
  livingNodes: { receive: 1, infer: 1, deliver: 0, web: 2, housekeep: 1 },
  watch: [{ name: 'pacs', succeededAtMs: 3, hasFailed: false, waiting: 4, failing: 2 }],
};

test('every alert rule rests on metrics that are served, and says what is wrong', async () => {
  const { query, clock } = await openWorklist();
  const text = await metricsText(await query.totals(), WHOLE, clock.now());
  const served = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
  const { groups } = parse(await readFile(path, 'utf8')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(15);
  for (const { alert, expr, labels, annotations } of rules) {
    const asked = [...expr.matchAll(/odontoid_[a-z_]+/g)].map(([name]) => name);
    for (const name of asked) expect(served, `${alert} asks for ${name}`).toContain(name);
    if (alert !== 'OdontoidNotScraped') expect(asked, alert).not.toEqual([]);
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\.$/);
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

test('promtool takes the rules', () => {
  const checked = spawnSync('promtool', ['check', 'rules', path], { encoding: 'utf8' });
  expect(checked.status, checked.stdout + checked.stderr).toBe(0);
  expect(checked.stdout).toContain('24 rules found');
});
