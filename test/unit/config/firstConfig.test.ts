import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configFrom, loadConfig } from '../../../src/config/configFile.ts';
import { firstConfig } from '../../../src/config/firstConfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'odontoid-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ct = { aeTitle: 'CT: "1" #a', address: '10.20.1.7' };
const pacs = { name: 'pacs', aeTitle: 'ARCHIVE', host: 'fe80::5', port: 104 };

test.each([
  ['nothing said', { aeTitle: 'ODONTOID', dataDir: './data', sources: [], destinations: [] }, '127.0.0.1'],
  [
    'this machine',
    { aeTitle: 'A', dataDir: '/d', sources: [{ ...ct, address: '::1' }], destinations: [] },
    '127.0.0.1',
  ],
  [
    'other machines',
    {
      aeTitle: 'NECK AI',
      dataDir: '/var/lib/odontoid, too',
      sources: [ct, { aeTitle: 'CT2', address: '10.21.0.0/16' }],
      destinations: [pacs, { ...pacs, name: 'second', port: 105 }],
    },
    '0.0.0.0',
  ],
])('the text of a first configuration holds its values: %s', (name, settings, host) => {
  const { text, values } = firstConfig(settings);
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, text);
  expect(loadConfig(path, {})).toEqual(configFrom(values));
  expect(loadConfig(path, {}).receive).toMatchObject({ host, aeTitle: settings.aeTitle });
  expect(text.split('\n').filter((line) => line.trim().startsWith('#')).length).toBeGreaterThan(8);
});
