import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsFollower } from '../../../src/compose/followSettings.ts';
import { openSources } from '../../../src/compose/liveSources.ts';
import { openLiveValues } from '../../../src/compose/liveValues.ts';
import { createSettingsAdministration } from '../../../src/compose/settings.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { settingsOf } from '../../../src/config/effectiveSettings.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { openWorklist } from '../worklist/fixture.ts';

const MINUTE_MS = 60_000;
const because = (reason: string) => ({ reason, by: { name: 'ada', address: '10.9.9.9' } });
const SELECTION = '- name: feet\n  when:\n    bodyParts:\n      - FOOT\n  do: ignore';

async function opened(ofFile: Parameters<typeof configFrom>[0] = {}) {
  const worklist = await openWorklist();
  const { database, clock, store } = worklist;
  const ofFiles = configFrom(ofFile);
  const layer = { origin: 'file' as const, name: 'site.yaml', value: ofFile };
  const ports = { clock, settings: settingsOf(ofFiles, [layer]).map((one) => ({ ...one, place: one.key })) };
  const start = async () => {
    const values = await openLiveValues(ofFiles, database, ports);
    const { config } = values;
    const query = createWorklistQuery(database, clock, {
      get maxWaitMs() {
        return config.worklist.maxWaitMinutes * MINUTE_MS;
      },
    });
    const sources = await openSources({ config, database, ports });
    const settings = createSettingsAdministration({ config, values, database, query, store, ports }, sources);
    const follower = await settingsFollower({ values, database, ports }, sources);
    return { config, settings, sources, query, follower };
  };
  return { ...worklist, start, audit: createAuditLog(database, clock) };
}

it('sets the wait cap at once, says before what it does, stays after a start, and is taken back', async () => {
  const { start, audit, ...worklist } = await opened();
  const { config, settings, query } = await start();
  for (const [id, arrivedMinutesAgo] of [
    ['a', 20],
    ['b', 40],
    ['c', 70],
  ] as const)
    await addStudy(
      { ...worklist, folder: '' },
      {
        id,
        outcome: 0.1,
        arrivedMinutesAgo,
      },
    );
  const whyOf = async (id: string) => (await query.caseDetail(studyUid(id))).row.why;
  expect(await whyOf('b')).not.toContain('Past the wait limit');

  expect(await settings.try('worklist.maxWaitMinutes', '30')).toEqual({
    lines: ['30'],
    effect: 'Of 3 unread scans, 2 have waited longer; with the present limit 1.',
  });
  expect(config.worklist.maxWaitMinutes).toBe(60);
  await settings.set('worklist.maxWaitMinutes', '30', because('short nights'));
  expect(await whyOf('b')).toContain('Past the wait limit of 30 min');
  const again = await start();
  expect(again.config.worklist.maxWaitMinutes).toBe(30);
  expect((await again.settings.list()).settings.find(({ key }) => key === 'worklist.maxWaitMinutes')).toMatchObject({
    lines: ['30'],
    origin: 'page',
    typed: '30',
  });

  await settings.set('worklist.maxWaitMinutes', null, because('too many'));
  expect(config.worklist.maxWaitMinutes).toBe(60);
  expect((await audit.page({ action: 'setting.changed' }, 9)).map(({ target, detail }) => [target, detail])).toEqual([
    ['worklist.maxWaitMinutes', { before: '30', after: null, reason: 'too many' }],
    ['worklist.maxWaitMinutes', { before: null, after: '30', reason: 'short nights' }],
  ]);
});

it('sets retention, the viewer and the selection rules, and refuses what the file would refuse', async () => {
  const { start } = await opened();
  const { config, settings } = await start();
  expect((await settings.try('housekeeping.retentionDays', '3')).effect).toBe(
    'Retention would remove 0 studies at its next look; with the present time 0.',
  );
  await settings.set('housekeeping.retentionDays', '3', because('small disk'));
  await settings.set('worklist.viewerUrl', 'https://viewer.example/?study={studyInstanceUid}', because('OHIF'));
  await settings.set('selection', SELECTION, because('no feet'));
  expect(config.housekeeping).toMatchObject({ retentionDays: 3, backupsToKeep: 7 });
  expect(config.worklist).toMatchObject({ maxWaitMinutes: 60 });
  expect(config.worklist.viewerUrl).toBe('https://viewer.example/?study={studyInstanceUid}');
  expect(config.selection).toEqual([{ name: 'feet', when: { bodyParts: ['FOOT'] }, do: 'ignore' }]);

  for (const [key, text, message] of [
    ['worklist.maxWaitMinutes', '0', /^worklist\.maxWaitMinutes: /],
    ['worklist.viewerUrl', 'javascript:alert(1)//{studyInstanceUid}', /scheme that runs code/],
    ['selection', '- name: x\n  do: accept\n  destinations: [nowhere]', /there is no destination nowhere/],
    ['selection', '- name: [', /no YAML/],
    ['receive.port', '105', /cannot be set on this page/],
  ] as const)
    await expect(settings.set(key, text, because('a try')), key).rejects.toMatchObject({
      code: 'command-invalid',
      message: expect.stringMatching(message) as string,
    });
  expect(config.worklist.maxWaitMinutes).toBe(60);
});

it('sets who sees names and when a proof of life is run, and refuses what is neither', async () => {
  const { start } = await opened({ proofOfLife: { expect: 'analysed' } });
  const { config, settings } = await start();
  expect((await settings.try('worklist.patientNames', 'on-request')).effect).toContain(
    'at present the names are shown',
  );
  await settings.set('worklist.patientNames', 'hidden', because('a screen in the corridor'));
  expect(config.worklist).toMatchObject({ patientNames: 'hidden', maxWaitMinutes: 60 });
  expect(await settings.try('proofOfLife.schedule', '*/5 * * * *')).toEqual({
    lines: ['*/5 * * * *'],
    effect: 'Next run 2026-11-02 08:05 UTC.',
  });
  await settings.set('proofOfLife.schedule', '*/5 * * * *', because('a new machine'));
  expect(config.proofOfLife).toMatchObject({ schedule: '*/5 * * * *', expect: 'analysed' });
  for (const [key, text] of [
    ['worklist.patientNames', 'sometimes'],
    ['proofOfLife.schedule', 'at noon'],
  ] as const)
    await expect(settings.set(key, text, because('a try'))).rejects.toMatchObject({
      code: 'command-invalid',
      message: expect.stringContaining(key) as string,
    });
  await settings.set('proofOfLife.schedule', null, because('it runs well'));
  expect((await start()).config.proofOfLife.schedule).toBe('17 */6 * * *');
});

it('leaves to the file what the file says, and everything where the site keeps its settings in files', async () => {
  const fileSays = await (await opened({ housekeeping: { retentionDays: 9 } })).start();
  await expect(fileSays.settings.set('housekeeping.retentionDays', '3', because('no'))).rejects.toThrow(
    'housekeeping.retentionDays says it: change it there',
  );
  expect(fileSays.config.housekeeping.retentionDays).toBe(9);
  const { settings } = await (await opened({ web: { settings: 'files' } })).start();
  await expect(settings.set('worklist.maxWaitMinutes', '30', because('no'))).rejects.toThrow(/web\.settings/);
  expect((await settings.list()).settings.filter(({ typed }) => typed !== null)).toEqual([]);
});

it('goes to another site as the same YAML, all of it or nothing', async () => {
  const one = await (await opened()).start();
  expect(one.settings.exported()).toBe('# Nothing was set on the page.\n');
  await one.settings.set('worklist.maxWaitMinutes', '45', because('a'));
  await one.settings.set('selection', SELECTION, because('b'));
  await one.sources.letIn({ aeTitle: 'CT7', address: '10.1.0.7' }, because('c'));
  const yaml = one.settings.exported();
  // It is what the configuration file takes.
  expect(configFrom(parse(yaml) as object)).toMatchObject({ worklist: { maxWaitMinutes: 45 } });

  const target = await opened();
  const other = await target.start();
  await expect(other.settings.imported(`${yaml}web:\n  port: 80\n`, because('d'))).rejects.toThrow(
    'web cannot be set on this page',
  );
  await expect(
    other.settings.imported(yaml.replace('maxWaitMinutes: 45', 'maxWaitMinutes: 0'), because('d')),
  ).rejects.toMatchObject({ code: 'command-invalid' });
  // The last of them fails in the database, after the others were written.
  const refusing = `CREATE TRIGGER refuse_selection BEFORE INSERT ON page_settings WHEN NEW.key = 'selection' BEGIN SELECT RAISE(ABORT, 'no'); END`;
  await sql.raw(refusing).execute(target.database.db);
  await expect(other.settings.imported(yaml, because('d'))).rejects.toThrow('no');
  await sql.raw('DROP TRIGGER refuse_selection').execute(target.database.db);
  expect(other.settings.exported()).toBe('# Nothing was set on the page.\n');
  expect((await target.start()).settings.exported()).toBe('# Nothing was set on the page.\n');
  const pinned = await (
    await opened({
      receive: {
        tls: { port: 2762, certFile: 'c.pem', keyFile: 'k.pem', caFile: 'ca.pem' },
        sources: [{ aeTitle: 'CT7', addresses: ['10.1.0.7'], certificates: ['a'.repeat(64)] }],
      },
    })
  ).start();
  await expect(pinned.settings.imported(yaml, because('d'))).rejects.toThrow('lets CT7 in by its certificate only');
  expect(pinned.settings.exported()).toBe('# Nothing was set on the page.\n');
  expect((await other.settings.imported(yaml, because('d'))).sort()).toEqual([
    'receive.sources',
    'selection',
    'worklist.maxWaitMinutes',
  ]);
  expect(other.settings.exported()).toBe(yaml);
});

it('follows what another process sets, senders too', async () => {
  const { start } = await opened();
  const agent = await start();
  const heard: string[][] = [];
  agent.sources.onChange((all) => heard.push(all.map(({ aeTitle }) => aeTitle)));
  const shell = await start();
  await agent.follower.look();
  expect(heard).toEqual([]);

  const yaml =
    'worklist:\n  maxWaitMinutes: 25\nreceive:\n  sources:\n    - aeTitle: CT8\n      addresses: [10.1.0.8]\n';
  await shell.settings.imported(yaml, because('from the shell'));
  expect(agent.config.worklist.maxWaitMinutes).toBe(60);
  await agent.follower.look();
  expect(agent.config.worklist.maxWaitMinutes).toBe(25);
  await agent.follower.look();
  expect(heard).toEqual([['CT8']]);
});
