import type { Request } from 'express';
import { TriageError } from '../../base/errors.ts';
import type { AuditLog } from '../../worklist/audit/audit.ts';
import type { User } from '../../answers/accessAnswers.ts';
import type { Accounts } from '../../worklist/people/accounts.ts';
import { addressOf } from './address.ts';
import type { KnownDevices } from './knownDevice.ts';
import { isPassword } from './passwords.ts';
import type { Attempt, SignInLimits } from './signInLimits.ts';

/** Passwords and links, checked with a limit on how often strangers may be wrong. */
export interface PasswordCheck {
  /**
   * The account with this name and password. `session`: one of the account's own, if the person is already signed in.
   *
   * @throws TriageError `sign-in-failed`, `too-many-attempts`
   */
  check(request: Request, given: { name: string; password: string; session?: string }): Promise<User>;
  /** Runs the function that uses up a secret link, with a limit on attempts with unknown links. @throws TriageError `too-many-attempts`, and what `use` throws */
  link<T>(request: Request, kind: string, use: () => Promise<T>): Promise<T>;
  /** Records in the audit that somebody could not sign in. */
  failed(request: Request, user: User | null, why: string): Promise<void>;
}

const WRONG = 'The name or the password is wrong.';

export function createPasswordCheck({
  accounts,
  audit,
  devices,
  limits,
}: {
  accounts: Accounts;
  audit: AuditLog;
  devices: KnownDevices;
  limits: SignInLimits;
}): PasswordCheck {
  const count = async (request: Request, attempt: Attempt): Promise<void> => {
    try {
      await limits.attempt(attempt);
    } catch (error) {
      if (error instanceof TriageError && error.code === 'too-many-attempts')
        request.res?.set('Retry-After', String(error.context['retryAfterSeconds']));
      throw error;
    }
  };
  const failed: PasswordCheck['failed'] = (request, user, why) =>
    // Somebody may have typed a password in the name field, so only names of existing accounts are kept.
    audit.append({
      action: 'sign-in.failed',
      actor: user?.name ?? 'unknown',
      address: addressOf(request),
      detail: { why },
    });
  return {
    failed,
    check: async (request, { name, password, session }) => {
      const user = await accounts.byName(name);
      const passwordHash = user === null ? null : await accounts.passwordHash(user.id);
      const owner = user === null || passwordHash === null ? null : { userId: user.id, passwordHash };
      const device = session ?? (owner === null ? null : devices.find(request, owner));
      const attempt = { account: name, address: addressOf(request), device };
      await count(request, attempt);
      const right = await isPassword(passwordHash, password);
      if (user === null || !right || user.disabledAtMs !== null || user.kind !== 'local') {
        await failed(request, user, user === null ? 'no such account' : !right ? 'wrong password' : 'account disabled');
        throw new TriageError('sign-in-failed', WRONG);
      }
      await limits.succeeded(attempt);
      if (session === undefined && device === null) devices.remember(request, owner!);
      return user;
    },
    // A link's secret cannot be guessed, so the right one works however many wrong ones came before it.
    link: async (request, kind, use) => {
      try {
        return await use();
      } catch (error) {
        if (error instanceof TriageError && error.code === 'link-invalid')
          await count(request, { account: kind, address: addressOf(request), device: null });
        throw error;
      }
    },
  };
}
