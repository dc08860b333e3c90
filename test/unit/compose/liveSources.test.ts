import { expect, it } from 'vitest';
import { sourceTrial } from '../../../src/admin/sourceTrial.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { openSources } from '../../../src/compose/liveSources.ts';
import { openLiveValues } from '../../../src/compose/liveValues.ts';
import { createSettingsAdministration } from '../../../src/compose/settings.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { openWorklist } from '../worklist/fixture.ts';

const ada = { name: 'ada', address: '10.9.9.9' };
const because = (reason: string) => ({ reason, by: ada });

async function opened(web: { settings?: 'page' | 'files' } = {}) {
  const { database, clock, store } = await openWorklist();
  const config = configFrom({
    receive: {
      sources: [
        { aeTitle: 'CT1', addresses: ['10.1.0.1'] },
        { aeTitle: 'CT2', addresses: ['10.1.0.2'], certificates: ['ct2'] },
      ],
      tls: { certFile: 'a.pem', keyFile: 'a.key', caFile: 'ca.pem' },
    },
    web,
  });
  const values = await openLiveValues(config, database, { clock });
  const query = createWorklistQuery(database, clock, {
    get maxWaitMs() {
      return values.config.worklist.maxWaitMinutes * 60_000;
    },
  });
  const foundation = { config, values, database, query, store, ports: { clock } };
  return { foundation, clock, audit: createAuditLog(database, clock), sources: await openSources(foundation) };
}

it('lets senders in beside those of the file, at once, with a reason on record, and takes that back', async () => {
  const { foundation, audit, sources, clock } = await opened();
  const told: string[][] = [];
  sources.onChange((all) => told.push(all.map(({ aeTitle, addresses }) => `${aeTitle} ${addresses.join(' ')}`)));

  await sources.letIn({ aeTitle: 'CT7', address: '10.1.0.7' }, because('new scanner'));
  clock.advance(60_000);
  await sources.letIn({ aeTitle: 'CT7', address: '10.1.0.8' }, because('its second card'));
  await sources.letIn({ aeTitle: 'CT1', address: '10.1.0.9' }, because('moved'));
  expect(told.at(-1)).toEqual(['CT1 10.1.0.1', 'CT2 10.1.0.2', 'CT7 10.1.0.7 10.1.0.8', 'CT1 10.1.0.9']);

  // The next start has them too.
  const again = await openSources(foundation);
  expect(again.ofPage()).toEqual(sources.ofPage());
  const { settings, changes } = await createSettingsAdministration(foundation, again).list();
  expect(settings.find(({ key }) => key === 'receive.sources')?.ofPage).toHaveLength(2);
  expect(changes.map(({ by, reason }) => [by, reason])).toEqual([
    ['ada', 'moved'],
    ['ada', 'its second card'],
    ['ada', 'new scanner'],
  ]);

  await sources.takeBack('CT7', because('it was a test'));
  await sources.takeBack('CT1', because('moved back'));
  expect(told.at(-1)).toEqual(['CT1 10.1.0.1', 'CT2 10.1.0.2']);
  await expect(sources.takeBack('CT2', because('of the file'))).rejects.toMatchObject({ code: 'not-found' });

  const entries = await audit.page({ action: 'setting.changed' }, 10);
  expect(entries).toHaveLength(5);
  expect(entries.at(-1)).toMatchObject({
    actor: 'ada',
    address: '10.9.9.9',
    target: 'receive.sources',
    detail: { before: null, after: '[{"aeTitle":"CT7","addresses":["10.1.0.7"]}]', reason: 'new scanner' },
  });
  expect(entries[0]!.detail).toMatchObject({ after: null, reason: 'moved back' });
});

it('adds a source with its network and where it answers, and keeps that when it gets one more address', async () => {
  const { foundation, sources } = await opened();
  const echo = { host: 'ct8.example', port: 104 };
  await sources.letIn({ aeTitle: 'CT8', address: '10.1.8.0/24', echo }, because('room 8 opens on Monday'));
  await sources.letIn({ aeTitle: 'CT8', address: '10.9.8.1' }, because('its second card'));
  const ct8 = { aeTitle: 'CT8', addresses: ['10.1.8.0/24', '10.9.8.1'], echo };
  expect(sources.ofPage()).toEqual([ct8]);
  expect((await openSources(foundation)).all().at(-1)).toEqual(ct8);
  await expect(
    sources.letIn({ aeTitle: 'CT9', address: '10.1.0.9', echo: { host: 'ct9', port: 0 } }, because('a try')),
  ).rejects.toThrow('This sender cannot be let in: echo.port is too small: at least 1.');
});

it('says what letting a source in would do, asks it where it answers, and changes nothing', async () => {
  const { foundation, sources, audit, clock } = await opened();
  await sources.letIn({ aeTitle: 'CT7', address: '10.1.0.7' }, because('new scanner'));
  const asked: unknown[] = [];
  const tried = (sender: Parameters<typeof sources.wouldBe>[0], receive: object = { host: '0.0.0.0' }) =>
    sourceTrial(sender, {
      config: { receive: { ...foundation.config.receive, ...receive } },
      sources,
      echoSource: (source) => {
        if (source.echo === undefined) return null;
        asked.push(source.echo);
        return () =>
          source.echo!.port === 104
            ? Promise.resolve(12)
            : Promise.reject(new TriageError('pacs-unreachable', 'Nobody is there.'));
      },
      clock,
    });
  const network = 'Whoever has one of its 65,536 addresses and calls itself CT8 may send then.';
  expect(await tried({ aeTitle: 'CT8', address: '10.1.0.0/16' })).toEqual({
    effect: `CT8 is not let in yet, and may then send from 10.1.0.0/16. ${network}`,
    echo: null,
  });
  const again = await tried({ aeTitle: 'CT7', address: '10.1.0.8', echo: { host: 'ct7', port: 104 } });
  expect(again.effect).toBe('CT7 may send from 10.1.0.7 already, and then from 10.1.0.8 too.');
  expect(again.echo).toMatchObject({ ok: true, ms: 12 });
  const known = await tried({ aeTitle: 'CT1', address: '10.1.0.1', echo: { host: 'ct1', port: 105 } });
  expect(known).toMatchObject({
    effect: 'CT1 may send from 10.1.0.1 already.',
    echo: { ok: false, error: 'Nobody is there.' },
  });
  expect(asked).toEqual([
    { host: 'ct7', port: 104 },
    { host: 'ct1', port: 105 },
  ]);
  const alone = { host: '127.0.0.1', tls: undefined };
  expect((await tried({ aeTitle: 'CT8', address: 'fd00::8/120' }, alone)).effect).toBe(
    'CT8 is not let in yet, and may then send from fd00::8/120. But the receiver listens on 127.0.0.1 only (receive.host): nobody on another machine reaches it.',
  );
  expect((await tried({ aeTitle: 'CT8', address: '127.0.0.1' }, alone)).effect).not.toContain('But');
  await expect(tried({ aeTitle: 'CT8', address: 'ct8' })).rejects.toThrow(/neither an IPv4 or IPv6 address/);
  await expect(tried({ aeTitle: 'CT2', address: '10.1.0.2' })).rejects.toThrow(/by its certificate only/);
  expect(sources.ofPage()).toHaveLength(1);
  expect(await audit.page({ action: 'setting.changed' }, 9)).toHaveLength(1);
});

it.each([
  [{ aeTitle: 'CT7', address: 'ct7.example' }, /neither an IPv4 or IPv6 address/],
  [{ aeTitle: 'SEVENTEENLETTERSX', address: '10.1.0.7' }, /1 to 16 printable characters/],
  [{ aeTitle: 'CT2', address: '10.1.0.7' }, /lets CT2 in by its certificate only/],
])('refuses %j, and nothing is changed or recorded', async (sender, message) => {
  const { audit, sources } = await opened();
  const failure = sources.letIn(sender, because('a try'));
  await expect(failure).rejects.toMatchObject({ code: 'command-invalid', message: expect.stringMatching(message) });
  expect(sources.ofPage()).toEqual([]);
  expect(await audit.page({ action: 'setting.changed' }, 10)).toEqual([]);
});

it('changes nothing where the site keeps its settings in files', async () => {
  const { sources } = await opened({ settings: 'files' });
  expect(sources.mayChange).toBe(false);
  await expect(sources.letIn({ aeTitle: 'CT7', address: '10.1.0.7' }, because('no'))).rejects.toThrow(/web\.settings/);
});
