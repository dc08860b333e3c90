import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/configFile.ts';
import { configJsonSchema } from '../../../src/config/configLayers.ts';
import { effectiveSettings } from '../../../src/config/effectiveSettings.ts';

const folder = mkdtempSync(join(tmpdir(), 'odontoid-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'site.yaml');
writeFileSync(
  path,
  `receive:
  port: 4000
  sources:
    - { aeTitle: CT1, addresses: [10.1.0.7] }
destinations:
  - { name: web, kind: dicomweb, url: "https://ada:s3cret@pacs.example/rs", auth: { kind: bearer, token: { env: TOKEN } } }
audit: { repository: { transport: udp, host: arr.example } }
`,
);
const environment = { ODONTOID__RECEIVE__PORT: '5000', ODONTOID__WORKLIST: '{ maxWaitMinutes: 45 }', TOKEN: 'geheim' };
const { settings } = effectiveSettings(path, environment);
const of = (key: string) => settings.find((setting) => setting.key === key)!;

test('each setting tells its value and where that comes from', () => {
  expect(of('receive.port')).toMatchObject({
    value: 5000,
    default: 11112,
    origin: 'environment',
    place: 'ODONTOID__RECEIVE__PORT',
  });
  expect(of('worklist.maxWaitMinutes')).toMatchObject({
    value: 45,
    origin: 'environment',
    place: 'ODONTOID__WORKLIST',
  });
  expect(of('receive.sources')).toMatchObject({
    value: [{ aeTitle: 'CT1', addresses: ['10.1.0.7'] }],
    origin: 'file',
    place: `${path}:4:5`,
  });
  expect(of('audit.repository.host')).toMatchObject({ value: 'arr.example', origin: 'file', place: `${path}:7:46` });
  expect(of('audit.repository.port')).toMatchObject({ value: 514, origin: 'default', place: null });
  expect(of('audit.repository.host').description).toContain('Audit Record Repository');
  expect(of('web.port')).toMatchObject({ value: 8080, default: 8080, origin: 'default', place: null });
  expect(of('receive.tls')).toMatchObject({ value: null, default: null, origin: 'default' });
  expect(of('dataDir')).toMatchObject({ value: resolve('data'), default: './data' });
});

test('no setting is left out, whatever a file says of it', () => {
  const keys = settings.map(({ key }) => key);
  for (const [section, { properties }] of Object.entries(configJsonSchema().properties!))
    for (const key of Object.keys(properties ?? {}))
      // A section that is off as a whole is one setting.
      expect(keys.some((one) => one === section || `${one}.`.startsWith(`${section}.${key}.`))).toBe(true);
  expect(new Set(keys).size).toBe(keys.length);
});

test('no secret is shown', () => {
  const shown = JSON.stringify(settings);
  expect(shown).not.toMatch(/geheim|s3cret/);
  expect(shown).toContain('https://ada:***@pacs.example/rs');
  expect(shown).toContain('"token":{"env":"TOKEN"}');
});

test('the values are those that the agent works with', () => {
  const config = loadConfig(path, environment);
  for (const { key, value } of settings.filter(({ key }) => key !== 'destinations'))
    expect([key, key.split('.').reduce<unknown>((inner, step) => (inner as never)[step], config) ?? null]).toEqual([
      key,
      value,
    ]);
});
