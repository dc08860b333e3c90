import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { dayText } from '../../src/dicom/dateTimes.ts';
import { bannedIn } from './bannedWords.ts';
import { complaintsInBothThemes, complaintsOfAxe, openPage, site, startBrowser } from './openPage.ts';
import { shiftedClock } from '../unit/web/visitor.ts';
import { instanceOf } from '../unit/worklist/facts.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

const address = (id: string) => `/case/${caseRef(studyUid(id))}`;
const shownSlice = (page: Page) => page.locator('canvas.slice').getAttribute('data-slice');
/** Sum of what is drawn on a canvas: 0 when nothing is. */
const drawn = (page: Page, canvas: string) =>
  page.locator(canvas).evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at]!;
    return sum;
  });
/** Of the picture itself, which may be shown smaller; zeros until it has come. */
const sizeOf = (page: Page, image: string) =>
  page.locator(image).evaluate((element) => {
    const { naturalWidth, naturalHeight } = element as HTMLImageElement;
    return [naturalWidth, naturalHeight];
  });
const grey = (page: Page, row: number, column: number) =>
  page
    .locator('canvas.slice')
    .evaluate(
      (element, [y, x]) => (element as HTMLCanvasElement).getContext('2d')!.getImageData(x!, y!, 1, 1).data[0]!,
      [row, column],
    );

test('a flagged case by keyboard: slices, windows, peaks, heatmap off until asked for, verdict, next case', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24, receipt: 'confirmed', patientName: 'Lindqvist^Maja' });
  await addStudy(opened, { id: 'other', outcome: 0.2, slices: 8, patientName: 'Okafor^Chidi' });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).toBe('6');
  expect(await page.locator('.sentence').textContent()).toContain(
    'AI flag: possible fracture. Review now. Not a diagnosis.',
  );
  expect(await page.locator('.patient-banner').textContent()).toContain('Lindqvist, Maja');
  expect(await page.locator('.corner.top').textContent()).toContain('Lindqvist, Maja');
  expect(page.url()).not.toMatch(/Lindqvist|P-flag|\d+\.\d+\.\d+\.\d+\.\d+/);
  await expect.poll(() => page.title()).toBe('C5-C6, series 2 image 7 - Case - Odontoid');

  // The heatmap is off until O, and only where there is a map.
  expect(await drawn(page, 'canvas.map')).toBe(0);
  expect(await page.getByText('Where the model responded').count()).toBe(0);
  await page.keyboard.press('o');
  await expect.poll(() => drawn(page, 'canvas.map')).toBeGreaterThan(0);
  expect(await page.locator('.overlay-note').textContent()).toContain(
    // 96 pixels of 0.4 mm in eight values.
    'Where the model responded. Not a fracture outline. It has one value for each 5 x 5 mm.',
  );
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => shownSlice(page)).toBe('7');
  expect(await drawn(page, 'canvas.map')).toBe(0);
  expect(await page.locator('.overlay-note').textContent()).toContain('No map on this slice.');
  await page.keyboard.press('o');

  await page.keyboard.press(']');
  await expect.poll(() => shownSlice(page)).toBe('18');
  await page.keyboard.press('[');
  await expect.poll(() => shownSlice(page)).toBe('6');
  await page.keyboard.press('Home');
  await expect.poll(() => shownSlice(page)).toBe('0');
  await page.keyboard.press('End');
  await expect.poll(() => shownSlice(page)).toBe('23');
  // The ring of bone moves a pixel a slice: what is drawn is the slice asked for. 700 HU in C 500 W 1800 is grey 156, in C 80 W 300 white.
  expect(await grey(page, 64, 40 + 23)).toBe(156);
  await page.keyboard.press('1');
  await expect.poll(() => grey(page, 64, 40 + 23)).toBe(255);
  await page.locator('.viewport').hover();
  await page.mouse.wheel(0, -100);
  await expect.poll(() => shownSlice(page)).toBe('22');

  const timeline = await page.locator('.timeline').textContent();
  for (const step of ['First slice received', 'Analysed', 'Accepted by the PACS', 'Confirmed by the PACS'])
    expect(timeline).toContain(step);
  await page.getByRole('button', { name: 'Disagree' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('button', { name: 'Disagree' }).getAttribute('aria-pressed')).toBe('true');
  expect((await opened.query.caseDetail(studyUid('flag'))).row.verdict).toMatchObject({
    verdict: 'disagree',
    by: 'web',
  });
  await page.keyboard.press('a');
  await expect.poll(() => page.locator('.actions').textContent()).toContain('Being read by web');

  await page.keyboard.press('u');
  await page.getByRole('button', { name: 'Not urgent any more' }).waitFor();
  expect((await opened.query.caseDetail(studyUid('flag'))).row.stat).toBe(true);
  expect((await opened.access.audit.page({ action: 'case.stat' }, 5)).map(({ actor }) => actor)).toEqual(['web']);

  await page.keyboard.press('Shift+N');
  await page.locator('.different').waitFor();
  expect(await page.locator('.different').textContent()).toBe('Different patient');
  expect(await page.locator('.patient-banner').textContent()).toContain('Okafor, Chidi');
  expect(await page.getByRole('button', { name: 'Heatmap' }).count()).toBe(0);
});

test('a key shows the next slice within six frames, 100 ms at sixty a second, once neighbours are prepared', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24 });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).toBe('6');
  await page.waitForLoadState('networkidle').catch(() => undefined);
  const took = await page.evaluate(async () => {
    const canvas = document.querySelector<HTMLElement>('canvas.slice')!;
    const frames: number[] = [];
    for (let step = 0; step < 3; step += 1) {
      const before = canvas.dataset['slice'];
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
      let waited = 0;
      for (; canvas.dataset['slice'] === before && waited < 300; waited += 1)
        await new Promise((resolve) => {
          requestAnimationFrame(resolve);
        });
      frames.push(waited);
    }
    return frames.sort((a, b) => a - b)[1]!;
  });
  expect(took).toBeLessThanOrEqual(6);
});

test('reformats stand beside the slice and come from all slices', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 12 });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).not.toBeNull();
  // They stand beside the slice from the start; M takes them away and brings them back.
  const sagittal = page.getByRole('img', { name: 'Sagittal' });
  await sagittal.waitFor();
  await page.keyboard.press('m');
  await sagittal.waitFor({ state: 'detached' });
  await page.keyboard.press('m');
  await sagittal.waitFor();
  const rows = () =>
    sagittal.evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(32, 0, 1, canvas.height);
      return Array.from({ length: canvas.height }, (_, at) => data[at * 4]!);
    });
  await expect.poll(async () => (await rows()).filter((value) => value > 0).length).toBe(12);
});

test('a click goes to the same place in all three planes, dragging changes the window, and a double click shows the whole picture', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24 });
  const page = await openPage(opened, {
    path: address('flag'),
    before: (blank) => blank.setViewportSize({ width: 1920, height: 1080 }),
  });
  await expect.poll(() => shownSlice(page)).toBe('6');
  const [axial, sagittal, coronal] = [page.locator('.viewport'), ...(await page.locator('.reformat').all())];
  const stage = async (plane: typeof axial) => (await plane.locator('.stage').boundingBox())!;
  // The three planes use the width of the window, and the axial one is the largest.
  const widths = await Promise.all([axial, sagittal!, coronal!].map(async (one) => (await one.boundingBox())!.width));
  expect(widths.reduce((sum, width) => sum + width, 0)).toBeGreaterThan(1_840);
  expect((await axial.boundingBox())!.height).toBeGreaterThan(680);

  // A quarter from the front, three quarters down: row 32 of 128, slice 18 of 24.
  const side = await stage(sagittal!);
  await page.mouse.click(side.x + side.width / 4, side.y + side.height * 0.77);
  await expect.poll(() => shownSlice(page)).toBe('18');
  const line = (plane: typeof axial, which: 'across' | 'down', edge: 'top' | 'left') =>
    plane.locator(`.cross-${which}`).evaluate((one, of) => parseFloat((one as HTMLElement).style[of]), edge);
  expect(await line(axial, 'across', 'top')).toBeCloseTo(25, 0);
  expect(await line(coronal!, 'across', 'top')).toBeCloseTo((100 * 18.5) / 24, 1);
  const slice = await stage(axial);
  await page.mouse.click(slice.x + slice.width * 0.7, slice.y + slice.height * 0.4);
  await expect.poll(() => line(coronal!, 'down', 'left')).toBeCloseTo(70, 0);
  expect(await line(sagittal!, 'down', 'left')).toBeCloseTo(40, 0);
  // The wheel on the sagittal goes through its own planes.
  await sagittal!.hover();
  await page.mouse.wheel(0, 100);
  await expect.poll(() => line(axial, 'down', 'left')).toBeCloseTo(70 + 100 / 128, 0);
  expect(await shownSlice(page)).toBe('18');

  await page.mouse.move(slice.x + 200, slice.y + 200);
  await page.mouse.down();
  await page.mouse.move(slice.x + 150, slice.y + 225, { steps: 5 });
  await page.mouse.up();
  // 4 HU a pixel: 50 px to the left, 25 down, from C 500 W 1800.
  await expect.poll(() => page.locator('.corner.bottom').first().textContent()).toContain('Own window C 600 W 1600');
  await page.keyboard.press('2');
  await expect.poll(() => page.locator('.corner.bottom').first().textContent()).toContain('Bone C 500 W 1800');

  await page.mouse.down({ button: 'right' });
  await page.mouse.move(slice.x + 150, slice.y + 100, { steps: 5 });
  await page.mouse.up({ button: 'right' });
  await expect.poll(async () => (await stage(axial)).width).toBeGreaterThan(slice.width * 1.5);
  await page.mouse.dblclick(slice.x + 150, slice.y + 100);
  await expect.poll(async () => (await stage(axial)).width).toBeCloseTo(slice.width, 0);

  await page.keyboard.press('Home');
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => Number(await shownSlice(page))).toBeGreaterThan(3);
  await page.keyboard.press('c');
  await page.keyboard.press('End');
  await expect.poll(() => shownSlice(page)).toBe('23');
});

test('triage-only takes heatmaps and slice scores off the page and out of every answer', async () => {
  const opened = await site(undefined, { triageOnly: true });
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 8 });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).toBe('4');
  await page.keyboard.press('o');
  expect(await drawn(page, 'canvas.map')).toBe(0);
  expect(await page.locator('.bar-high, .bar-low').count()).toBe(0);
  expect(await page.locator('.viewer').textContent()).toContain('switched off at this site');
  for (const path of ['/api/worklist', `/api/cases/${studyUid('flag')}`, `/api/cases/${caseRef(studyUid('flag'))}`])
    expect(await (await fetch(opened.url + path)).text()).not.toMatch(/"cam":\[|"sliceIndex"|"imageProbability"|"C5"/);
});

test('doing it again needs a reason, and the case follows by itself', async () => {
  const opened = await site(undefined, {
    viewerTemplate: 'https://viewer.example/?study={studyInstanceUid}&acc={accessionNumber}&image={keySopInstanceUid}',
  });
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 8, receipt: 'refused', accessionNumber: 'A/1&2' });
  const page = await openPage(opened, { path: address('flag') });
  await page.getByText('Rejected by PACS: SOP class not supported').first().waitFor();
  expect(await page.getByRole('link', { name: 'Open in viewer' }).getAttribute('href')).toBe(
    `https://viewer.example/?study=${studyUid('flag')}&acc=A%2F1%262&image=${(await opened.query.rows())[0]!.keySlices[0]!.sopInstanceUid}`,
  );
  await page.context().route('https://viewer.example/**', (route) => route.fulfill({ body: 'viewer' }));
  const [tab] = await Promise.all([page.context().waitForEvent('page'), page.keyboard.press('v')]);
  await tab.waitForURL(/^https:\/\/viewer\.example\/\?study=.*&image=\d/);
  await tab.close();
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.getByLabel('Reason').fill('The PACS takes it now');
  await page.keyboard.press('Enter');
  await page.getByText('Waiting for PACS').first().waitFor();
  await page.getByRole('button', { name: 'Analyse again' }).click();
  await page.getByRole('button', { name: 'Analyse the study again' }).click();
  // Without a reason the browser asks for one, and nothing happens.
  expect((await opened.query.caseDetail(studyUid('flag'))).row.revision).toBe(1);
  await page.getByLabel('Reason').fill('Wrong series');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('.sentence').textContent()).toContain('AI running');
  expect(await page.locator('.history').textContent()).toContain('Wrong series');
});

test('a case that is not there, and one whose slices cannot be read, say so', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'nopictures', outcome: 0.9 });
  await addStudy(opened, { id: 'thick', outcome: { reasonCode: 'no-series', reason: 'Slices are 5 mm thick' } });
  const page = await openPage(opened, {
    path: address('thick'),
    before: (blank) => blank.route('**/slices/*', (route) => route.abort('connectionrefused')),
  });
  await page.getByText('No series was analysed, so there are no slices here. Use the PACS.').waitFor();
  await page.goto(opened.url + address('nopictures'));
  await page.getByText('This slice cannot be shown. Use the PACS.').waitFor();
  // Retention takes its images while it is open.
  await opened.store.markRead(studyUid('nopictures'), true, 'ann');
  expect(await opened.store.freeFiles(studyUid('nopictures'), Number.MAX_SAFE_INTEGER, 'disk')).toBe(true);
  await page.getByText('because the disk was nearly full').waitFor();
  await page.getByText('Images removed here, results kept').waitFor();
  expect(await page.getByRole('button', { name: 'Analyse again' }).isDisabled()).toBe(true);
});

test('a slice whose file is gone says what to do where its picture would stand, and no other slice stands there', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 8 });
  const [last] = await opened.query.volumeSlices(studyUid('flag'), [7]);
  await rm(join(opened.folder, last!.path));
  const page = await openPage(opened, { path: address('flag'), refusals: /status of 410/ });
  await expect.poll(() => shownSlice(page)).toBe('2');
  const image = page.locator('canvas.slice');
  expect(await image.isVisible()).toBe(true);
  await page.keyboard.press('End');
  const advice = page.locator('.viewport [role=alert]');
  await expect
    .poll(() => advice.textContent())
    .toBe(
      'This slice is no longer kept here. Read it in the PACS. To see it here again, have the PACS send the study once more.',
    );
  expect(await image.isVisible()).toBe(false);
  await complaintsOfAxe(page);
  await page.keyboard.press('Home');
  await expect.poll(() => shownSlice(page)).toBe('0');
  expect(await image.isVisible()).toBe(true);
  expect(await advice.count()).toBe(0);
});

test.each(['dark', 'light'] as const)('axe finds nothing and no banned word stands in the %s theme', async (theme) => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24, receipt: 'confirmed' });
  await addStudy(opened, { id: 'plain', outcome: 0.1, slices: 8 });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).toBe('6');
  if (theme === 'light') await page.getByRole('button', { name: 'Light theme' }).click();
  await page.keyboard.press('o');
  await page.keyboard.press('?');
  await page.getByRole('button', { name: 'Send again' }).click();
  await complaintsOfAxe(page);
  expect(bannedIn(await page.locator('body').innerText())).toEqual([]);
  await page.goto(opened.url + address('plain'));
  await expect.poll(() => shownSlice(page)).not.toBeNull();
  await complaintsOfAxe(page);
  const text = await page.locator('body').innerText();
  expect(text).toContain('AI did not flag this scan');
  expect(bannedIn(text)).toEqual([]);
});

test('a picture beside the list is no view of the case; a case left open while changes arrive is one', async () => {
  const clock = shiftedClock();
  const opened = await site(clock);
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 8 });
  const looks = async () =>
    (await opened.access.audit.page({ target: studyUid('flag') }, 20))
      .map(({ action }) => action)
      .filter((action) => /view/.test(action))
      .reverse();
  const page = await openPage(opened);
  const row = page.locator(`tr.row[data-study="${studyUid('flag')}"]`);
  for (let times = 0; times < 2; times += 1) {
    await row.hover();
    await page.locator('.thumbnail[data-drawn]').waitFor();
    expect(await sizeOf(page, '.thumbnail img')).toEqual([928, 440]);
    await page.mouse.move(640, 5);
    await page.locator('.thumbnail').waitFor({ state: 'detached' });
    clock.advance(11 * 60_000);
  }
  expect(await looks()).toEqual(['case.previewed']);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).search));
  await row.locator('.opener').click();
  await expect.poll(() => shownSlice(page)).toBe('2');
  for (const read of [true, false]) {
    clock.advance(11 * 60_000);
    const before = asked.filter((query) => query === '?as=still-open').length;
    await opened.store.markRead(studyUid('flag'), read, 'somebody');
    await expect.poll(() => asked.filter((query) => query === '?as=still-open').length).toBeGreaterThan(before);
    await page.getByRole('button', { name: read ? 'Back to unread' : 'Mark as read' }).waitFor();
  }
  expect(await looks()).toEqual(['case.previewed', 'case.viewed']);
  expect(await page.locator('.views li').count()).toBe(1);
  await page.getByRole('link', { name: 'To the worklist' }).click();
  await row.locator('.opener').click();
  await expect.poll(() => shownSlice(page)).toBe('2');
  expect(await looks()).toEqual(['case.previewed', 'case.viewed', 'case.viewed']);
});

test('a case opens on the best key slice, which is named as the PACS names it, in the sentence, in the picture and above the fold', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24 });
  const page = await openPage(opened, { path: address('flag') });
  await expect.poll(() => shownSlice(page)).toBe('6');
  // The seventh from the head; its header says series 2, image 7, at 7 mm.
  expect(await page.locator('.finding').textContent()).toBe(' C5-C6, series 2 image 7');
  expect(await page.locator('.corner.bottom').textContent()).toContain('Series 2 image 7 · Slice 7 of 24 · 7.0 mm');
  const keySlices = page.getByRole('group', { name: 'Key slices' }).getByRole('button');
  expect(await keySlices.allTextContents()).toEqual([
    'Series 2 image 7, C5-C6, score 0.90',
    'Series 2 image 19, C5-C6, score 0.80',
  ]);
  for (const button of await keySlices.all()) expect((await button.boundingBox())!.y).toBeLessThan(800 / 2);
  // The picture of the row and of the triage card is that of the case, too.
  const keyImage = page.getByRole('img', { name: 'Key image, as on the triage card: C5-C6, series 2 image 7' });
  await keyImage.scrollIntoViewIfNeeded();
  await expect.poll(() => sizeOf(page, '.key-image img')).toEqual([928, 440]);
  expect(await page.getByRole('region', { name: 'Result objects' }).locator('> ul > li').allTextContents()).toEqual([
    expect.stringMatching(/^Report \(SR\)/),
    expect.stringMatching(/^Triage card \(SC\)/),
  ]);
  await keySlices.nth(1).click();
  await expect.poll(() => shownSlice(page)).toBe('18');
  expect(await page.locator('.corner.bottom').textContent()).toContain('Series 2 image 19 · Slice 19 of 24 · 19.0 mm');
});

test('a prior stands beside the scan at the same height, both scroll together, and neither can be taken for the other', async () => {
  const opened = await site();
  const patient = { patientId: 'P-7', patientName: 'Lindqvist^Maja' };
  const day = 24 * 60;
  // The table stood elsewhere, and the prior begins 40 mm lower with thicker slices.
  const scan = { fromMm: 20, everyMm: 2, vertexMm: 0 };
  const before = { fromMm: 60, everyMm: 3, vertexMm: -431 };
  await addStudy(opened, { id: 'now', outcome: 0.9, slices: 80, neck: scan, ...patient });
  await addStudy(opened, {
    id: 'before',
    outcome: 0.2,
    slices: 46,
    neck: before,
    arrivedMinutesAgo: 400 * day,
    ...patient,
  });
  await addStudy(opened, { id: 'oldest', outcome: 0.8, slices: 8, arrivedMinutesAgo: 800 * day, ...patient });
  await addStudy(opened, {
    ...{ id: 'namesake', outcome: 0.95, slices: 8, arrivedMinutesAgo: 300 * day },
    ...{ patientId: 'P-8', patientName: 'Lindqvist^Maja' },
  });
  const page = await openPage(opened, { path: address('now'), refusals: /status of 410/ });
  await expect.poll(() => shownSlice(page)).toBe('20');
  const rows = await opened.query.rows();
  const dateOf = (id: string) =>
    dayText(rows.find(({ studyInstanceUid }) => studyInstanceUid === studyUid(id))!.acquiredAt);
  const [today, then] = [dateOf('now'), dateOf('before')];

  await page.keyboard.press('p');
  const side = (which: 'scan' | 'prior') => page.locator(which === 'prior' ? '.pane.prior' : '.pane:not(.prior)');
  const at = async (which: 'scan' | 'prior') =>
    Number(await side(which).locator('canvas.slice').getAttribute('data-slice'));
  const told = page.getByRole('group', { name: 'Comparison' }).getByRole('status');
  await expect.poll(() => told.textContent()).toContain('Same height by body outline, bone and air: an estimate.');
  const depths = async () => [20 + 2 * (await at('scan')), 60 + 3 * (await at('prior'))] as const;
  const apartMm = async () => {
    const [now, prior] = await depths();
    return Math.abs(now - prior);
  };
  await page.keyboard.press('End');
  await expect.poll(() => at('scan')).toBe(79);
  await expect.poll(apartMm).toBeLessThanOrEqual(3);

  // Each side says which one it is, of when, of whom, and what the network made of it: above the picture and in it.
  expect(await side('scan').innerText()).toContain(`THIS SCAN ${today}`);
  expect(await side('scan').innerText()).toContain('AI flag. Score 0.90, flags from 0.50 (compact 1.0.0)');
  expect(await side('prior').innerText()).toContain(`PRIOR ${then}`);
  expect(await side('prior').innerText()).toContain('AI did not flag it. Score 0.20, flags from 0.50 (compact 1.0.0)');
  for (const [which, name] of [
    ['scan', `THIS SCAN ${today}`],
    ['prior', `PRIOR ${then}`],
  ] as const)
    expect(await side(which).locator('.corner.top').innerText()).toMatch(
      new RegExp(`^${name}\\s+Lindqvist, Maja · 01-Jan-1970 · F · ID P-7$`),
    );
  expect(await page.locator('canvas.slice').count()).toBe(2);
  expect(await page.getByRole('img', { name: `PRIOR ${then}` }).count()).toBe(1);

  // The wheel over either side takes both along.
  await side('prior').locator('.viewport').hover();
  for (let turn = 0; turn < 4; turn += 1) await page.mouse.wheel(0, -100);
  // Four slices of 3 mm.
  await expect.poll(() => at('scan')).toBeLessThan(75);
  expect(await at('scan')).toBeGreaterThan(70);
  await expect.poll(apartMm).toBeLessThanOrEqual(3);
  await page.keyboard.press('Home');
  await side('prior').getByText('The prior has no slice at this height.').waitFor();
  expect(await side('prior').locator('canvas.slice').isVisible()).toBe(false);
  await page.keyboard.press('End');
  await expect.poll(apartMm).toBeLessThanOrEqual(3);

  // By hand: a slice lower, and so it stays while scrolling; alone, linked again as the two lie then, and back.
  const [, estimated] = await depths();
  await page.keyboard.press(',');
  await page.keyboard.press(',');
  await expect.poll(async () => (await depths())[1]).toBe(estimated - 6);
  expect(await told.textContent()).toBe('Height set by hand: the prior is shown 6.0 mm higher than estimated.');
  await page.keyboard.press('l');
  const alone = await at('prior');
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => at('scan')).toBe(78);
  expect(await at('prior')).toBe(alone);
  await page.getByRole('button', { name: 'Back to the estimate' }).click();
  await expect.poll(apartMm).toBeLessThanOrEqual(3);
  await complaintsInBothThemes(page);
  expect(bannedIn(await page.locator('body').innerText())).toEqual([]);

  // On a phone one stands above the other, both in sight.
  await page.setViewportSize({ width: 390, height: 780 });
  const [above, below] = [(await side('scan').boundingBox())!, (await side('prior').boundingBox())!];
  expect(below.y).toBeGreaterThanOrEqual(above.y + above.height);
  expect(below.y + below.height - above.y).toBeLessThan(640);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 800 });

  // Another prior of the patient; of the namesake there is none. One that is too short says that its height is not known.
  const choice = page.locator('.comparison-tools select');
  expect(await choice.locator('option').allTextContents()).toEqual([
    `${then}, CT C-spine`,
    `${dateOf('oldest')}, CT C-spine`,
  ]);
  await choice.selectOption({ index: 1 });
  await expect
    .poll(() => told.textContent())
    .toContain('Heights could not be matched: both are shown by position from the top');
  // Looking at a prior is a view on record, and stops no bell.
  expect(
    (await opened.access.audit.page({ target: studyUid('oldest'), action: 'case.viewed' }, 5)).map(
      ({ actor }) => actor,
    ),
  ).toEqual(['web']);
  const flags = (await opened.query.flags(10)).open;
  expect(flags.find((flag) => flag.caseRef === caseRef(studyUid('oldest')))).toMatchObject({ attended: false });
  expect(flags.find((flag) => flag.caseRef === caseRef(studyUid('now')))).toMatchObject({ attended: true });

  // While it is shown, slices of somebody else come into it: until somebody has decided whose it is, nobody compares with it.
  const strays = instanceOf({ study: 'oldest', number: 99, patientId: 'P-9', patientName: 'Okafor^Chidi' });
  await opened.store.recordInstances([strays]);
  await side('prior').getByText('This prior is held for checking').waitFor();
  expect(await page.locator('canvas.slice').count()).toBe(1);

  // What retention has removed says so where it would stand.
  await opened.store.markRead(studyUid('before'), true, 'ann');
  expect(await opened.store.freeFiles(studyUid('before'), Number.MAX_SAFE_INTEGER, 'disk')).toBe(true);
  await choice.selectOption({ index: 0 });
  await side('prior').getByText('The images of this prior were removed here').waitFor();
  expect(await side('prior').innerText()).toContain(`PRIOR ${then}`);
  await complaintsOfAxe(page);
  const toggle = page.getByRole('button', { name: `Compare with prior of ${then} or older` });
  await toggle.click();
  await page.locator('.pane.prior').waitFor({ state: 'detached' });
  await page.getByRole('img', { name: 'Sagittal' }).waitFor();

  // Nor is this scan compared with anything while it may be of two patients.
  await opened.store.recordInstances([instanceOf({ study: 'now', number: 99, patientId: 'P-9' })]);
  await toggle.waitFor({ state: 'detached' });
});

test('a finger goes through the slices, and the page stays where it is', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 24 });
  const page = await openPage(opened, {
    path: address('flag'),
    before: (blank) => blank.setViewportSize({ width: 390, height: 780 }),
  });
  await expect.poll(() => shownSlice(page)).toBe('6');
  const viewport = page.locator('.viewport');
  await viewport.scrollIntoViewIfNeeded();
  const { x, y, width } = (await viewport.boundingBox())!;
  const touch = await page.context().newCDPSession(page);
  const swipe = async (byPx: number) => {
    const from = y + 150;
    const at = (placeY: number) => [{ x: x + width / 2, y: placeY }];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(from) });
    for (const share of [0.25, 0.5, 0.75, 1])
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(from + share * byPx) });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  };
  // Up is on towards the feet, as on the wheel: a slice for each 8 pixels.
  await swipe(-40);
  await expect.poll(() => shownSlice(page)).toBe('11');
  await swipe(24);
  await expect.poll(() => shownSlice(page)).toBe('8');
  expect((await viewport.boundingBox())!.y).toBe(y);
});
