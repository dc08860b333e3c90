/** Kept in the address, so that a list can be bookmarked and shared. `target` is not: it may be a study's UID, and addresses hold no identifiers. */
export const KEPT = ['actor', 'action', 'from', 'to'] as const;
export type AuditFilter = Partial<Record<(typeof KEPT)[number] | 'target', string>>;

/** The query of a filter; days are of this browser's time zone, the last one included. */
export function auditQuery({ actor, action, target, from, to }: AuditFilter): string {
  const query = new URLSearchParams(
    Object.entries({ actor, action, target }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const start = new Date(`${from ?? ''}T00:00`);
  const end = new Date(`${to ?? ''}T00:00`);
  end.setDate(end.getDate() + 1);
  if (!Number.isNaN(start.getTime())) query.set('fromMs', String(start.getTime()));
  if (!Number.isNaN(end.getTime())) query.set('toMs', String(end.getTime()));
  return query.toString();
}
