// Draws docs/pictures/admin-models.png: the page of models on a seeded site, with a shadow that has scored what readers have judged.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { loadModelPackage } from '../src/infer/modelCard.ts';
import { buildPage, launchBrowser, openSite, temporaryFolder } from '../test/browser/page.ts';
import { addStudy, studyUid } from '../test/browser/seededWorklist.ts';
import { packageVariant } from '../test/unit/infer/packageVariant.ts';
import { findingsOf, instanceOf, manifestOf } from '../test/unit/worklist/facts.ts';

const pictures = resolve(import.meta.dirname, '../docs/pictures');
const folder = await temporaryFolder();
const site = await openSite(await buildPage(folder), systemClock);
const browser = await launchBrowser();
try {
  const { identity: active, defaultThreshold } = await loadModelPackage('models/compact');
  const shadow = { name: active.name, version: '2.0.0', sha256: await packageVariant(join(site.folder, 'models/two'), '2.0.0') };
  site.system.model = { ...active, provider: 'cpu' };
  site.system.shadow = { model: shadow, error: null, toScore: 0 };
  await site.store.noteModelInUse(await site.store.activateModel({ role: 'active', model: active, threshold: defaultThreshold, reason: 'First network of this site, minute 9', by: 'chief' }), defaultThreshold);
  await site.store.noteModelInUse(await site.store.activateModel({ role: 'shadow', model: shadow, threshold: null, reason: 'Trial for four weeks, minute 14', by: 'chief' }), defaultThreshold);
  for (let index = 0; index < 40; index++) {
    const study = `s${index}`;
    const score = index % 4 === 0 ? 0.75 + (index % 5) / 25 : 0.08 + (index % 7) / 40;
    await addStudy(site, { id: study, outcome: score });
    const other = index % 13 === 5 ? 0.62 : score - 0.03;
    const scored = { studyInstanceUid: studyUid(study), revision: 1, manifest: manifestOf([instanceOf({ study })]), findings: findingsOf(score, { model: active }) };
    await site.store.saveShadowScore(shadow, scored, { findings: findingsOf(other, { model: shadow }), seconds: 21 });
    await site.store.recordVerdict(studyUid(study), { revision: 1, verdict: index === 16 ? 'disagree' : 'agree', actor: 'reader' });
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 1180 } });
  await page.goto(`${site.url}/models`);
  await page.getByText(/cases scored by both/).waitFor();
  await page.getByText(/^Files last checked/).waitFor();
  await page.screenshot({ path: join(pictures, 'admin-models.png') });

  await page.getByRole('button', { name: `Card: ${active.name} ${active.version}` }).click();
  await page.getByRole('heading', { name: 'What it reaches, by its own account' }).scrollIntoViewIfNeeded();
  await page.setViewportSize({ width: 1280, height: 640 });
  await page.getByRole('region', { name: 'What it reaches, by its own account' }).scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(pictures, 'admin-model-card.png') });
} finally {
  await browser.close();
  await site.end();
  await rm(folder, { recursive: true, force: true });
}
