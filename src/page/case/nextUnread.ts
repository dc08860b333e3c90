import { fetchWorklist } from '../worklist/worklistApi.ts';

/** The next case to read according to the list: the first after this one that nobody is reading; null without one. */
export async function nextUnread(caseRef: string): Promise<string | null> {
  const { rows } = await fetchWorklist({
    show: 'all',
    search: '',
    location: '',
    read: false,
    list: null,
    offset: 0,
    limit: 200,
    masked: true,
  });
  const unread = rows.filter((row) => row !== null);
  const at = unread.findIndex((row) => row.caseRef === caseRef);
  const others = [...unread.slice(at + 1), ...unread.slice(0, Math.max(0, at))];
  return others.find((row) => row.claimedBy === null && row.caseRef !== caseRef)?.caseRef ?? null;
}
