import { useEffect, useState } from 'preact/hooks';
import type { LinkAnswer, WallsAnswer } from '../../answers/accessAnswers.ts';
import { AddForm } from '../parts/addForm.tsx';
import { Field, valueOf } from '../parts/field.tsx';
import { clockTime } from '../parts/format.ts';
import { OneTimeLink } from '../access/oneTimeLink.tsx';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, read } from '../parts/session.ts';
import { wallWords as words } from './wallWords.ts';

/** Screens that may show the masked list, for those who admit them. `act` runs an admin's action and reports what goes wrong. */
export function WallScreens({ act }: { act: (action: () => Promise<unknown>) => void }) {
  const [screens, setScreens] = useState<WallsAnswer['walls']>([]);
  const [link, setLink] = useState<(LinkAnswer & { name: string }) | null>(null);
  const load = async () => {
    setScreens((await read<WallsAnswer>('/api/walls')).walls);
  };
  useEffect(() => act(load), []);
  const now = Date.now();
  return (
    <>
      <h2>{words.screens}</h2>
      <p>{words.screensWhat}</p>
      {link !== null && <OneTimeLink text={words.link(link.name, clockTime(link.expiresAtMs, now))} path={link.path} />}
      {screens.length === 0 ? (
        <p class="muted">{words.noScreens}</p>
      ) : (
        <PlainTable name={words.screens} heads={[words.name, words.state, words.lastSeen, words.actions]}>
          {screens.map(({ name, linkUntilMs, lastSeenAtMs }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{linkUntilMs === null ? words.inUse : words.linkUntil(clockTime(linkUntilMs, now))}</td>
              <td>{lastSeenAtMs === null ? words.never : clockTime(lastSeenAtMs, now)}</td>
              <td class="actions">
                <button
                  type="button"
                  aria-label={words.revokeNamed(name)}
                  onClick={() =>
                    act(async () => {
                      await ask(`/api/walls/${encodeURIComponent(name)}`, 'DELETE');
                      await load();
                    })
                  }
                >
                  {words.revoke}
                </button>
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      <AddForm
        title={words.add}
        button={words.addIt}
        act={act}
        add={async (form) => {
          const name = valueOf(form, 'screen');
          const made = (await (await ask('/api/walls', 'POST', { name })).json()) as LinkAnswer;
          setLink({ ...made, name });
          await load();
        }}
      >
        <Field label={words.newName} name="screen" autocomplete="off" autocapitalize="off" />
      </AddForm>
    </>
  );
}
