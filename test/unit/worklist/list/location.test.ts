import { describe, expect, it } from 'vitest';
import type { LocationAttribute } from '../../../../src/worklist/cases/storeContext.ts';
import { instanceOf } from '../facts.ts';
import { openWorklist } from '../fixture.ts';

const PLACES = { currentPatientLocation: 'ED bay 3 ', institutionalDepartmentName: 'Trauma', stationName: 'CT2' };
const located = (study: string, places: Partial<typeof PLACES> = PLACES) => {
  const instance = instanceOf({ study });
  Object.assign(instance.header, places);
  return instance;
};

describe('where a patient is', () => {
  it.each<[LocationAttribute | null, string]>([
    ['currentPatientLocation', 'ED bay 3'],
    ['institutionalDepartmentName', 'Trauma'],
    ['stationName', 'CT2'],
    [null, ''],
  ])('is told by %s where the site says so', async (locationFrom, place) => {
    const { store, query } = await openWorklist({ locationFrom });
    await store.recordInstances([located('a')]);
    const [row] = await query.rows();
    expect(row!.location).toBe(place);
  });

  it('narrows the list to one place, and names the places of unread cases', async () => {
    const { store, query } = await openWorklist();
    await store.recordInstances([
      located('a'),
      located('b'),
      located('c', { currentPatientLocation: 'Ward 7' }),
      located('d', { currentPatientLocation: '' }),
    ]);
    expect(await query.locations(10)).toEqual(['ED bay 3', 'Ward 7']);
    expect(await query.locations(1)).toHaveLength(1);
    const page = await query.page({
      show: 'all',
      search: '',
      location: 'Ward 7',
      read: false,
      list: null,
      offset: 0,
      limit: 10,
    });
    expect([page.total, page.allTotal, page.rows[0]!.location]).toEqual([1, 4, 'Ward 7']);
    await store.markRead(page.rows[0]!.studyInstanceUid, true, 'ada');
    expect(await query.locations(10)).toEqual(['ED bay 3']);
  });

  it('takes the words of the first slice when something else came before it', async () => {
    const { store, query } = await openWorklist();
    const scout = instanceOf({ study: 'a', sopClassUid: '1.2.840.10008.5.1.4.1.1.7' });
    await store.recordInstances([scout, located('a')]);
    expect((await query.rows())[0]!.location).toBe('ED bay 3');
  });
});
