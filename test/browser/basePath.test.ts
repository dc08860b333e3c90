import { expect, test } from 'vitest';
import { openPage, site, startBrowser } from './openPage.ts';
import { proxyBefore } from './proxyBefore.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

/** A reverse proxy that serves the page below a path and something else beside it. */
const proxyAt = (path: string, upstream: string, takesPathAway: boolean): Promise<string> =>
  proxyBefore(upstream, {
    passedTo: (url) => {
      if (!url.startsWith(path)) return null;
      return takesPathAway ? url.slice(path.length) || '/' : url;
    },
    passOn: (answer, response) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    },
  });

test.each([
  ['keeps the path', false],
  ['takes the path away', true],
])(
  'below a base path, behind a proxy that %s, every screen, link and answer is found',
  async (_name, takesPathAway) => {
    const opened = await site(undefined, { basePath: '/imaging/odontoid', signIn: { signIn: 'local' } });
    await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 3 });
    const origin = await proxyAt('/imaging/odontoid', opened.url, takesPathAway);
    const strayed: string[] = [];
    const { secret } = (await opened.access.accounts.firstAdminLink())!;
    const page = await openPage(
      { ...opened, url: `${origin}/imaging/odontoid` },
      {
        path: `/set-up#${secret}`,
        before: (page) =>
          Promise.resolve(
            page.on('request', (request) => {
              if (!request.url().startsWith(`${origin}/imaging/odontoid/`)) strayed.push(request.url());
            }),
          ),
      },
    );
    const path = () => new URL(page.url()).pathname;
    await page.getByLabel('Name').fill('ada');
    for (const field of await page.locator('input[type=password]').all()) await field.fill('axis and atlas, seven');
    await page.keyboard.press('Enter');
    const row = page.locator(`tr.row[data-study="${studyUid('flag')}"]`);
    await row.waitFor();
    expect(path()).toBe('/imaging/odontoid/');

    // The live line comes through too.
    await addStudy(opened, { id: 'later', outcome: 0.95, slices: 3 });
    await page.locator(`tr.row[data-study="${studyUid('later')}"]`).waitFor();
    expect(await page.locator('.feed').textContent()).toBe('Feed live');

    await row.locator('a.opener').click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(path()).toMatch(/^\/imaging\/odontoid\/case\/[\w-]+$/);
    await page.reload();
    await page.locator('.case').waitFor();
    await page.keyboard.press('Escape');
    await row.waitFor();
    expect(path()).toBe('/imaging/odontoid/');

    await page.getByRole('link', { name: 'Administration' }).click();
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.locator('tbody tr').first().waitFor();
    expect(path()).toBe('/imaging/odontoid/audit');
    expect(await page.getByRole('link', { name: 'CSV' }).getAttribute('href')).toMatch(
      /^\/imaging\/odontoid\/api\/audit\.csv\?/,
    );
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(path()).toBe('/imaging/odontoid/sign-in');
    expect(strayed).toEqual([]);
  },
);

test('the path without a slash at its end leads to the list, and the server answers without the path too', async () => {
  const { url } = await site(undefined, { basePath: '/odontoid' });
  const bare = await fetch(`${url}/odontoid`, { redirect: 'manual' });
  expect([bare.status, bare.headers.get('location')]).toEqual([308, '/odontoid/']);
  for (const path of ['/odontoid/', '/'])
    expect(await (await fetch(url + path)).text()).toMatch(/<script[^>]+ src="\/odontoid\/assets\/[\w-]+\.js"/);
  for (const path of ['/odontoid/healthz', '/healthz']) expect((await fetch(url + path)).status).toBe(200);
  expect((await fetch(`${url}/odontoidal/healthz`)).status).toBe(404);
});
