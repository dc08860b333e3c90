import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { createPacs } from '../../../src/compose/destinations.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { writeSampleResults } from '../pacs/sampleObjects.ts';
import { temporaryFolder } from '../worklist/fixture.ts';

test('a renewed token in its file is used at the next request, and a file that is gone is told', async () => {
  const file = join(await temporaryFolder(), 'token');
  let wanted = 'first';
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization === `Bearer ${wanted}` ? 200 : 401).end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = { kind: 'bearer', token: { file } } as const;
  const [destination] = configFrom({ destinations: [{ name: 'web', kind: 'dicomweb', url, auth }] }).destinations;
  const ports = { clock: systemClock, log: createLog('silent'), environment: {} };
  // It stops neither the start nor a change on the page: the destination waits for it.
  const pacs = createPacs(destination!, ports);
  await expect(pacs.echo()).rejects.toThrow(/secret is to come from the file/);

  await writeFile(file, 'first\n');
  expect(await pacs.echo()).toBeGreaterThan(0);
  wanted = 'second';
  await expect(pacs.echo()).rejects.toThrow(/HTTP 401/);
  await writeFile(file, 'second\n');
  expect(await pacs.echo()).toBeGreaterThan(0);
  await rm(file);
  await expect(pacs.echo()).rejects.toMatchObject({
    code: 'pacs-unreachable',
    message: expect.stringMatching(/The secret is to come from the file .*token/) as unknown,
  });
});

test.each([
  { name: 'pacs', kind: 'dimse', aeTitle: 'P', host: '127.0.0.1', port: 104 },
  { name: 'web', kind: 'dicomweb', url: 'http://127.0.0.1:1/dicom-web' },
] as const)('a $kind destination is sent the character set of its configuration', async (entry) => {
  const folder = await temporaryFolder();
  const [report] = await writeSampleResults(folder, 'named in two scripts', 0);
  const loses = (characterSet: 'ISO_IR 100' | 'ISO_IR 192') => {
    const [destination] = configFrom({ destinations: [{ ...entry, characterSet }] }).destinations;
    return createPacs(destination!, { clock: systemClock, log: createLog('silent'), environment: {} }).losesText!(
      report!,
    );
  };
  expect([await loses('ISO_IR 100'), await loses('ISO_IR 192')]).toEqual([true, false]);
});
