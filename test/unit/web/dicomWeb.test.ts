import { expect, test } from 'vitest';
import { acceptedTypes, takenType, takesParts } from '../../../src/web/dicomWeb/accepted.ts';
import { searchTerms, STUDY_KEYS, studyMatchOf } from '../../../src/web/dicomWeb/searchTerms.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { addUser, cookieFor } from './visitor.ts';
import { startWeb } from './webFixture.ts';
import { systemClock } from '../../../src/base/clock.ts';

const JPEG_LS = '1.2.840.10008.1.2.4.80';
const EXPLICIT = '1.2.840.10008.1.2.1';

test.each([
  ['*/*', 'image/jls', JPEG_LS, true],
  ['multipart/related; type=application/octet-stream; transfer-syntax=*', 'image/jls', JPEG_LS, true],
  ['multipart/related; type="application/octet-stream"', 'image/jls', JPEG_LS, false],
  ['multipart/related; type="application/octet-stream"', 'application/octet-stream', EXPLICIT, true],
  ['multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.81', 'image/jls', JPEG_LS, false],
  ['multipart/related; type="image/*"', 'image/jls', JPEG_LS, true],
  ['application/dicom+json, multipart/related; type="image/jls"; q=0.1', 'image/jls', JPEG_LS, true],
  ['multipart/related; type="image/jls"; q=0', 'image/jls', JPEG_LS, false],
  ['multipart/related; type="application/dicom"; transfer-syntax=*', 'application/dicom', JPEG_LS, true],
  [`multipart/related; type="application/dicom"; transfer-syntax=${EXPLICIT}`, 'application/dicom', JPEG_LS, false],
  ['multipart/related; type="application/octet-stream"; transfer-syntax=*', 'application/dicom', JPEG_LS, false],
])('%s takes parts of %s in %s: %s', (header, type, transferSyntaxUid, isTaken) => {
  expect(takesParts(acceptedTypes(header, undefined), type, transferSyntaxUid)).toBe(isTaken);
});

test('what a client likes best comes first, and the parameter before the header', () => {
  const offered = ['application/dicom+json', 'application/json'];
  expect(takenType(acceptedTypes('application/dicom+json;q=0.5, application/json', undefined), offered)).toBe(
    'application/json',
  );
  expect(takenType(acceptedTypes('text/html', 'application/*'), offered)).toBe('application/dicom+json');
  expect(takenType(acceptedTypes('application/dicom+xml', undefined), offered)).toBeNull();
  expect(takenType(acceptedTypes(undefined, undefined), offered)).toBe('application/dicom+json');
});

test('attributes of a search come by keyword or tag, and what is not searched by is refused', () => {
  expect(
    studyMatchOf({
      '00100020': 'P*',
      StudyDate: '20260101-',
      '0020000D': '2.25.1,2.25.2\\2.25.3',
      limit: 5,
      AccessionNumber: '',
    }),
  ).toEqual({
    patientId: 'P*',
    studyDate: { from: '20260101', to: '' },
    studyInstanceUids: ['2.25.1', '2.25.2', '2.25.3'],
  });
  expect(studyMatchOf({ StudyDate: '20260131' })).toEqual({ studyDate: { from: '20260131', to: '20260131' } });
  expect(() => studyMatchOf({ StudyDate: 'yesterday' })).toThrow(/StudyDate is a day/);
  expect(() => searchTerms({ PatientWeight: '70' }, STUDY_KEYS)).toThrow(/searched by PatientWeight here: only by Stu/);
  expect(() => searchTerms({ PatientID: ['1', '2'] }, STUDY_KEYS)).toThrow(/PatientID is given more than once/);
});

test('a site that hides names gives machines nothing, and readers no list until they show it', async () => {
  const web = await startWeb({ signIn: { signIn: 'local' }, patientNames: 'on-request', dicomWeb: true });
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  const { secret } = await web.access.tokens.add('viewer', null, 'test');
  const { cookie, csrfToken } = await cookieFor(web.access, await addUser(web, 'reader', 'reader'), systemClock);
  const machine = { Authorization: `Bearer ${secret}` };
  const reader = { Cookie: cookie, 'X-CSRF-Token': csrfToken, Origin: web.url };
  const ask = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${web.url}/dicom-web/studies${path}`, { headers });
    const { error } = response.ok && response.status !== 204 ? {} : ((await response.json()) as { error?: string });
    return [response.status, error];
  };
  const study = studyUid('plain');
  const hidden = [403, 'names-hidden'];
  expect(await ask('', machine)).toEqual(hidden);
  expect(await ask(`/${study}/series`, machine)).toEqual(hidden);
  expect(await ask('', reader)).toEqual(hidden);
  expect(await ask(`?StudyInstanceUID=${study}`, reader)).toEqual([200, undefined]);
  expect(await ask(`/${study}/series`, reader)).toEqual([200, undefined]);
  await fetch(`${web.url}/api/worklist/names`, { method: 'POST', headers: reader });
  expect(await ask('', reader)).toEqual([200, undefined]);
  // A refused request is no view.
  const actors = (await web.access.audit.page({ target: study }, 50)).map(({ actor, action }) => `${actor} ${action}`);
  expect(actors.filter((entry) => entry.startsWith('token'))).toEqual([]);
  expect(actors.filter((entry) => entry === 'reader case.viewed')).toHaveLength(1);
});

test('what is not switched on is not there, and records nothing', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  for (const path of ['', `/${studyUid('plain')}`, `/${studyUid('plain')}/metadata`]) {
    const response = await fetch(`${web.url}/dicom-web/studies${path}`);
    expect([response.status, ((await response.json()) as { message: string }).message]).toEqual([
      404,
      'Retrieval by DICOMweb is not switched on here: set web.dicomWeb.',
    ]);
  }
  expect(await web.access.audit.page({ action: 'case.viewed' }, 50)).toEqual([]);
});

test('addresses in answers are those under which the caller finds the service', async () => {
  const web = await startWeb({ dicomWeb: true, basePath: '/neck' });
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  for (const path of ['', '/neck']) {
    const response = await fetch(`${web.url}${path}/dicom-web/studies`);
    const [study] = (await response.json()) as { '00081190': { Value: [string] } }[];
    expect(study!['00081190'].Value).toEqual([`${web.url}${path}/dicom-web/studies/${studyUid('plain')}`]);
  }
});
