import type { Access } from './access/access.ts';
import type { Principal } from './principal.ts';

/**
 * How a study is looked at. `opened`: somebody opens it. `still-open`: the page that shows it reads it, or more of it, again. `previewed`: a picture beside
 * the list, which is shown without a request.
 */
export type Look = 'opened' | 'still-open' | 'previewed';

/**
 * Records a look in the audit. A view is a person who opened the case: the thresholds page and "who looked" count views. A page left open is one view, however
 * often it is read again; a preview discloses a patient's image too, but is no view; what a machine fetches nobody has seen yet. The page's own claim is
 * believed only if a view of the same session is on record: nothing is shown without an entry.
 */
export async function recordLook(
  { audit, absoluteMs }: Pick<Access, 'audit' | 'absoluteMs'>,
  { name, role, session }: Principal,
  address: string,
  study: string,
  look: Look,
  nowMs: number,
): Promise<void> {
  const by = { actor: name, address, target: study };
  // Requesters with a token or without sign-in have no session: look back for as long as the longest one lasts.
  const sinceMs = session?.signedInAtMs ?? nowMs - absoluteMs;
  if (role === 'service') await audit.appendOnce({ action: 'case.fetched', ...by }, sinceMs);
  else if (look === 'opened') await audit.viewed(name, address, study);
  else if (look === 'still-open') await audit.appendOnce({ action: 'case.viewed', ...by }, sinceMs);
  else await audit.appendOnce({ action: 'case.previewed', ...by }, sinceMs, ['case.viewed']);
}
