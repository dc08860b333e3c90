import { cp } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { readStudyFolder } from '../../src/cohort/readStudyFolder.ts';
import type { LabelledCase } from '../../src/dataset/dataset.ts';
import { loadModelPackage } from '../../src/infer/modelCard.ts';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { claimed } from '../unit/worklist/fixture.ts';
import { findingsOf, manifestOf, objectsOf } from '../unit/worklist/facts.ts';

/**
 * Puts cases into the database and the spool of a data folder as if they had been received, flagged by the shipped network, and judged by a reader, who says what
 * their truth is. Returns their study UIDs.
 */
export async function receiveAndRead(dataDir: string, cases: readonly LabelledCase[]): Promise<string[]> {
  const { identity } = await loadModelPackage('models/compact');
  const database = await openDatabase(path.join(dataDir, 'odontoid.sqlite'));
  const store = createCaseStore(database, systemClock);
  const studies: string[] = [];
  try {
    for (const { id, folder, label } of cases) {
      const spooled = `objects/${id}`;
      await cp(folder, path.join(dataDir, 'spool', spooled), { recursive: true });
      const { instances } = await readStudyFolder(folder, {
        receivedAtMs: systemClock.now(),
        maxObjectBytes: Number.POSITIVE_INFINITY,
      });
      const { studyInstanceUid } = instances[0]!.header;
      studies.push(studyInstanceUid);
      await store.recordInstances(instances.map((one) => ({ ...one, path: `${spooled}/${one.path}` })));
      await store.nudgeComplete([studyInstanceUid]);
      const assembling = await claimed(store, 'assemble');
      await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
      await store.apply(await claimed(store, 'infer'), {
        type: 'inferred',
        findings: findingsOf(0.9, { model: identity }),
      });
      await store.apply(await claimed(store, 'report'), {
        type: 'reported',
        objects: objectsOf(id).map((one) => ({ ...one, studyInstanceUid })),
      });
      await store.recordVerdict(studyInstanceUid, {
        revision: 1,
        verdict: label ? 'agree' : 'disagree',
        actor: 'rita',
      });
    }
  } finally {
    await database.close();
  }
  return studies;
}
