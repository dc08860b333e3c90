import { expect, test } from 'vitest';
import { addStudy } from '../../browser/seededWorklist.ts';
import { startWeb } from './webFixture.ts';

test('a masked answer tells nobody who the patients are', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'flag', outcome: 0.9, patientName: 'Lindqvist^Maja', patientId: 'ID-77', patientBirthDate: '19480312', patientAge: '078Y', accessionNumber: 'E26-4471', receipt: 'sent' }); // prettier-ignore
  const open = await (await fetch(`${web.url}/api/worklist`)).text();
  const masked = await (await fetch(`${web.url}/api/worklist?masked=true`)).text();
  const secrets = /Lindqvist|ID-77|19480312|078Y|E26|2\.25\.\d{5}/;
  expect(open).toMatch(secrets);
  expect(masked).not.toMatch(secrets);
  const { rows } = JSON.parse(masked) as { rows: { accessionNumber: string; age: string; caseRef: string }[] };
  expect(rows[0]).toMatchObject({ accessionNumber: '4471', age: '70-79 y', caseRef: expect.stringMatching(/^[0-9a-f]{20}$/) as string });
});
