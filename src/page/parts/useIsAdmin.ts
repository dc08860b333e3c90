import { useEffect, useState } from 'preact/hooks';
import { session } from './session.ts';

/** Whether the signed-in person may do what only admins may, to show or leave out its buttons; the server checks again. */
export function useIsAdmin(): boolean {
  const [isAdmin, setIsAdmin] = useState(false);
  useEffect(() => {
    session().then(
      ({ user }) => setIsAdmin(user?.role === 'admin'),
      () => undefined,
    );
  }, []);
  return isAdmin;
}
