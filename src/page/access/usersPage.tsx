import { useEffect, useState } from 'preact/hooks';
import type { LinkAnswer, User } from '../../answers/accessAnswers.ts';
import { useConfirmed } from './confirmIdentity.tsx';
import { accessWords } from './accessWords.ts';
import { AddForm } from '../parts/addForm.tsx';
import { Field, valueOf } from '../parts/field.tsx';
import { clockTime } from '../parts/format.ts';
import { OneTimeLink } from './oneTimeLink.tsx';
import { PlainTable } from '../parts/plainTable.tsx';
import { WallScreens } from '../wall/wallScreens.tsx';
import { ask, read, Refused } from '../parts/session.ts';

function stateOf(user: User): string {
  if (user.disabledAtMs !== null) return accessWords.disabled;
  return user.kind === 'oidc' || user.hasPassword ? accessWords.active : accessWords.noPassword;
}

/** Every account, and what an admin may do with it. */
export default function UsersPage() {
  const [users, setUsers] = useState<User[] | null>(null);
  const [problem, setProblem] = useState('');
  const [link, setLink] = useState<(LinkAnswer & { name: string }) | null>(null);
  const { run, dialog } = useConfirmed();
  const failed = (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed);
  const load = () => {
    read<{ users: User[] }>('/api/users').then((answer) => setUsers(answer.users), failed);
  };
  useEffect(load, []);
  const act = (action: () => Promise<unknown>) => {
    setProblem('');
    setLink(null);
    run(async () => {
      await action();
      load();
    }).catch(failed);
  };
  const now = Date.now();
  const path = (user: User, what: string) => `/api/users/${encodeURIComponent(user.id)}/${what}`;
  const actionsOn = (user: User): [title: string, action: () => Promise<unknown>][] => [
    user.disabledAtMs === null
      ? [accessWords.disable, () => ask(path(user, 'disabled'), 'PUT', { disabled: true })]
      : [accessWords.enable, () => ask(path(user, 'disabled'), 'PUT', { disabled: false })],
    ...(user.kind === 'oidc'
      ? []
      : ([
          user.role === 'admin'
            ? [accessWords.makeReader, () => ask(path(user, 'role'), 'PUT', { role: 'reader' })]
            : [accessWords.makeAdmin, () => ask(path(user, 'role'), 'PUT', { role: 'admin' })],
          [
            accessWords.reset,
            async () =>
              setLink({ ...((await (await ask(path(user, 'reset'), 'POST')).json()) as LinkAnswer), name: user.name }),
          ],
        ] as [string, () => Promise<unknown>][])),
    [accessWords.signOutUser, () => ask(path(user, 'sessions'), 'DELETE')],
  ];
  return (
    <section class="wide">
      <h1>{accessWords.users}</h1>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {link !== null && (
        <OneTimeLink text={accessWords.link(link.name, clockTime(link.expiresAtMs, now))} path={link.path} />
      )}
      {users === null ? (
        <p>{accessWords.loading}</p>
      ) : (
        <PlainTable
          name={accessWords.users}
          heads={[accessWords.name, accessWords.role, accessWords.state, accessWords.lastSignIn, accessWords.actions]}
        >
          {users.map((user) => (
            <tr key={user.id}>
              <th scope="row">
                <bdi>{user.name}</bdi>
              </th>
              <td>{accessWords.roles[user.role]}</td>
              <td>{stateOf(user)}</td>
              <td>{user.lastSignInAtMs === null ? accessWords.never : clockTime(user.lastSignInAtMs, now)}</td>
              <td class="actions">
                {actionsOn(user).map(([title, action]) => (
                  <button
                    key={title}
                    type="button"
                    aria-label={accessWords.doTo(title, user.name)}
                    onClick={() => act(action)}
                  >
                    {title}
                  </button>
                ))}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      <AddForm
        title={accessWords.add}
        button={accessWords.addIt}
        act={act}
        add={async (form) => {
          const asked = { name: valueOf(form, 'name'), role: valueOf(form, 'role') };
          const made = (await (await ask('/api/users', 'POST', asked)).json()) as { user: User; link: LinkAnswer };
          setLink({ ...made.link, name: made.user.name });
        }}
      >
        <Field label={accessWords.name} name="name" autocomplete="off" autocapitalize="off" />
        <label class="field">
          <span>{accessWords.role}</span>
          <select name="role">
            <option value="reader">{accessWords.roles.reader}</option>
            <option value="admin">{accessWords.roles.admin}</option>
          </select>
        </label>
      </AddForm>
      <WallScreens act={act} />
      {dialog}
    </section>
  );
}
