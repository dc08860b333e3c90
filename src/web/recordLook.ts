import type { Access } from './access/access.ts';
import type { Principal } from './principal.ts';

/**
 * How a study is looked at. `opened`: somebody turns to it. `still-open`: what they have before them is read anew, or more of it. `previewed`: a picture beside
 * the list, which nobody has to have asked for.
 */
export type Look = 'opened' | 'still-open' | 'previewed';

/**
 * Puts a look into the audit. A view is a person who opened the case: the thresholds page and "who looked" count those. A page left open is one view, however often it
 * is read anew; a preview discloses a patient's image too, but is no view; what a machine fetches nobody has seen yet. What the page says of itself is believed only
 * as far as a view of the same session is on record: nothing is shown without an entry.
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
  // Tokens, and who needs no sign-in, have no session: one would last as long.
  const sinceMs = session?.signedInAtMs ?? nowMs - absoluteMs;
  if (role === 'service') await audit.appendOnce({ action: 'case.fetched', ...by }, sinceMs);
  else if (look === 'opened') await audit.viewed(name, address, study);
  else if (look === 'still-open') await audit.appendOnce({ action: 'case.viewed', ...by }, sinceMs);
  else await audit.appendOnce({ action: 'case.previewed', ...by }, sinceMs, ['case.viewed']);
}
