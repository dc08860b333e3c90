import type { Role } from '../answers/accessAnswers.ts';
import type { Session } from '../worklist/people/sessions.ts';

export type LeastRole = 'public' | Role;

/** A sender reads nothing: it stands beside the others. */
const STANDING: Readonly<Record<LeastRole, number>> = {
  public: 0,
  sender: 0,
  wall: 1,
  service: 2,
  reader: 3,
  admin: 4,
};

/** Whether `role` (null: not identified) may use what requires `least`. */
export function mayUse(role: Role | null, least: LeastRole): boolean {
  if (least === 'sender') return role === 'sender' || role === 'admin';
  return STANDING[role ?? 'public'] >= STANDING[least];
}

/** Who sends a request. `name` is recorded in histories and the audit. */
export interface Principal {
  name: string;
  /** `wall` while the session is locked: the person at the screen may be somebody else. */
  role: Role;
  /** Null for tokens and walls, and where nobody signs in. */
  session: Session | null;
}
