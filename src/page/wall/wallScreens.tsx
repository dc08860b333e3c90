import { useEffect, useState } from 'preact/hooks';
import type { LinkAnswer, WallsAnswer } from '../../answers/accessAnswers.ts';
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
      <form
        class="narrow"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const name = valueOf(form, 'screen');
          act(async () => {
            const made = (await (await ask('/api/walls', 'POST', { name })).json()) as LinkAnswer;
            setLink({ ...made, name });
            form.reset();
            await load();
          });
        }}
      >
        <h2>{words.add}</h2>
        <Field label={words.newName} name="screen" autocomplete="off" autocapitalize="off" />
        <button type="submit">{words.addIt}</button>
      </form>
    </>
  );
}
