import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openPage, site, startBrowser } from './openPage.ts';
import type { Site } from './page.ts';
import { addStudy, studyUid } from './seededWorklist.ts';
import { answersOf, steppedClock } from './steppedClock.ts';

startBrowser();

const row = (page: Page, id: string) => page.locator(`tr.row[data-study="${studyUid(id)}"]`);

/** Numbers from 0 to 1, the same for the same seed. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A line that loses a third of the events, repeats another, and lets others come late and so out of order; once `deaf`, it loses every change. */
async function badLine(page: Page): Promise<void> {
  await page.addInitScript(() => {
    let state = 11;
    const draw = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const tally = { lost: 0, repeated: 0, late: 0, deaf: false };
    Object.assign(window, { tally });
    const listen = Reflect.get(EventSource.prototype, 'addEventListener') as (
      this: EventSource,
      type: string,
      heard: (event: Event) => void,
    ) => void;
    function addEventListener(this: EventSource, type: string, heard: (event: Event) => void) {
      listen.call(this, type, (event) => {
        const fate = draw();
        if (fate < 0.3 || (tally.deaf && type === 'change')) tally.lost += 1;
        else if (type === 'open' || fate > 0.9) heard(event);
        else if (fate < 0.6) {
          tally.repeated += 1;
          for (let time = 0; time < 3; time += 1) heard(event);
        } else {
          tally.late += 1;
          setTimeout(() => heard(event), 4_000 * draw());
        }
      });
    }
    Object.assign(EventSource.prototype, { addEventListener });
  });
}

/** Whom each row has shown at any moment, by study; and whether a study ever stood in two places. */
async function watchPatients(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen = new Map<string, Set<string>>();
    const twice = new Set<string>();
    Object.assign(window, { seen, twice });
    new MutationObserver(() => {
      const now = [...document.querySelectorAll<HTMLElement>('tr.row')];
      for (const [at, shown] of now.entries()) {
        if (now.findIndex(({ dataset }) => dataset['study'] === shown.dataset['study']) < at)
          twice.add(shown.dataset['study']!);
        const names = seen.get(shown.dataset['study']!) ?? new Set();
        seen.set(
          shown.dataset['study']!,
          names.add(
            `${shown.querySelector('.opener')!.textContent} ${shown.querySelector('.cell-accession')!.textContent}`,
          ),
        );
      }
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}

test('events lost, repeated and late: the list ends right, no scan stands twice and no row ever shows another patient', async () => {
  const clock = steppedClock();
  const opened = await site(clock);
  const draw = draws(5);
  const add = (number: number, outcome: 'running' | number) =>
    addStudy(opened, {
      id: `scan${number}`,
      patientName: `Family${number}^Given`,
      accessionNumber: `E${number}`,
      outcome,
      arrivedMinutesAgo: 0,
    });
  for (let number = 0; number < 12; number += 1) await add(number, draw());
  const page = await openPage(opened, {
    clock: true,
    before: async (blank) => {
      await badLine(blank);
      await watchPatients(blank);
      await blank.route(/\/api\/worklist\?/, async (route) => {
        const response = await route.fetch();
        await systemClock.sleep(150 * draw());
        await route.fulfill({ response });
      });
    },
  });
  await row(page, 'scan0').waitFor();
  const answered = answersOf(page);
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      // Time goes on while answers are on their way, but not for ever.
      if (clock.now() % 3_000 < 1_000) await answered();
      await clock.pass(1);
      await page.clock.runFor(1_000);
    }
  };
  const keys = ['j', 'j', 'k', '.', 'Escape', 'j'];
  let running = -1;
  for (let number = 12; number < 54; number += 1) {
    await add(number, 'running');
    if (running >= 0) await add(running, draw());
    running = number;
    if (draw() < 0.6) await opened.store.markRead(studyUid(`scan${Math.floor(draw() * number)}`), draw() < 0.8, 'test');
    if (draw() < 0.3) await opened.store.markStat(studyUid(`scan${Math.floor(draw() * number)}`), true, 'test');
    if (draw() < 0.5) await page.keyboard.press(keys[number % keys.length]!);
    if (number % 9 === 0)
      await page.getByRole('combobox', { name: 'Show' }).selectOption(number % 2 === 0 ? 'flagged' : 'all');
    await pass(1);
  }
  await page.keyboard.press('Escape');
  await page.mouse.move(640, 5);
  await page.evaluate(() => Object.assign((window as unknown as { tally: object }).tally, { deaf: true }));
  await pass(5);
  await add(54, 0.99);
  await opened.store.markRead(studyUid('scan53'), true, 'test');
  // A change that nobody hears of is seen within half a minute.
  await pass(35);
  await answered();
  const right = (
    await opened.query.page({ show: 'all', search: '', location: '', read: false, list: null, offset: 0, limit: 100 })
  ).rows;
  const shown = await page
    .locator('tr.row')
    .evaluateAll((rows) => rows.map((one) => (one as HTMLElement).dataset['study']));
  expect(shown).toEqual(right.slice(0, shown.length).map((one) => one!.studyInstanceUid));
  expect(shown.length).toBeGreaterThan(15);
  for (const one of right.slice(0, 10))
    expect(await page.locator(`tr.row[data-study="${one!.studyInstanceUid}"]`).textContent()).toContain(one!.stateText);
  expect(await page.locator('.feed').textContent()).toBe('Feed live');
  const { seen, twice, tally } = await page.evaluate(() => {
    const { seen, twice, tally } = window as unknown as {
      seen: Map<string, Set<string>>;
      twice: Set<string>;
      tally: { lost: number; repeated: number; late: number };
    };
    return { seen: [...seen].map(([study, names]) => [study, [...names]] as const), twice: [...twice], tally };
  });
  expect(twice).toEqual([]);
  const patients = new Map(
    Array.from({ length: 60 }, (_, number) => [studyUid(`scan${number}`), [`Family${number}, Given E${number}`]]),
  );
  expect(seen.filter(([study, names]) => JSON.stringify(names) !== JSON.stringify(patients.get(study)))).toEqual([]);
  expect(seen.length).toBeGreaterThan(30);
  expect(Math.min(tally.lost, tally.repeated, tally.late)).toBeGreaterThan(5);
});

test('an answer that comes late brings no old list back', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9 });
  await addStudy(opened, { id: 'plain', outcome: 0.1 });
  const held: (() => void)[] = [];
  let hold = false;
  const page = await openPage(opened, {
    before: (blank) =>
      blank.route(/\/api\/worklist\?/, async (route) => {
        const response = await route.fetch();
        if (hold) await new Promise<void>((resolve) => held.push(resolve));
        await route.fulfill({ response });
      }),
  });
  const shown = () =>
    page.locator('tr.row').evaluateAll((rows) => rows.map((one) => (one as HTMLElement).dataset['study']));
  /** What the page asks because of a change is answered only after `then`. */
  const overtaken = async (change: () => Promise<unknown>, then: () => Promise<unknown>) => {
    // Nothing else is to be read meanwhile: it would put right what this one puts wrong.
    await systemClock.sleep(500);
    hold = true;
    await change();
    await expect.poll(() => held.length).toBe(1);
    hold = false;
    await then();
    held.pop()!();
    await systemClock.sleep(500);
  };
  await row(page, 'plain').waitFor();
  await overtaken(
    () => opened.store.markStat(studyUid('plain'), true, 'test'),
    async () => {
      await page.getByRole('combobox', { name: 'Show' }).selectOption('flagged');
      await expect.poll(shown).toEqual([studyUid('flag')]);
    },
  );
  expect(await shown()).toEqual([studyUid('flag')]);
  await page.getByRole('combobox', { name: 'Show' }).selectOption('all');
  await expect.poll(shown).toEqual(['plain', 'flag'].map(studyUid));
  // While somebody attends to the list, what is read is the list on the screen.
  await row(page, 'flag').locator('.opener').focus();
  const after = ['plain', 'new', 'flag'].map(studyUid);
  await overtaken(
    () => addStudy(opened, { id: 'new', outcome: 0.97 }),
    async () => {
      await page.keyboard.press('.');
      await expect.poll(shown).toEqual(after);
    },
  );
  expect(await shown()).toEqual(after);
});

/** As many new flags as there are numbers, in one transaction: copies of the case `flag`. */
async function flagAtOnce(opened: Site, count: number): Promise<void> {
  const { sqlite } = opened.database;
  const copy = (table: string, value: Record<string, string>) => {
    const columns = (sqlite.pragma(`table_info(${table})`) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => name !== 'id');
    return `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${count})
      insert into ${table} (${columns.join(', ')}) select ${columns.map((name) => value[name] ?? `${table}.${name}`).join(', ')} from numbers, ${table} where study_instance_uid = '${studyUid('flag')}';`;
  };
  const study_instance_uid = "'1.2.' || n";
  sqlite.exec(`begin;
    ${copy('cases', { study_instance_uid, case_ref: "printf('%020d', n)", patient_name: "'Patient^' || n", patient_id: "'P' || n", first_received_at: String(opened.clock.now()) })}
    ${copy('analyses', { study_instance_uid, analysed_at: String(opened.clock.now()) })}
    commit;`);
  // What the store itself tells of a change.
  await opened.store.markStat(studyUid('plain'), false, 'test');
}

test('200 flags at once: one summary, one sound, no row moves under the reader, and the page answers', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, arrivedMinutesAgo: 20 });
  await addStudy(opened, { id: 'plain', outcome: 0.1, arrivedMinutesAgo: 30 });
  const page = await openPage(opened, {
    before: (blank) =>
      blank.addInitScript(() => {
        localStorage.setItem('odontoid.sound', 'on');
        const tones = { count: 0 };
        Object.assign(window, { tones });
        const make = Reflect.get(AudioContext.prototype, 'createOscillator');
        AudioContext.prototype.createOscillator = function () {
          tones.count += 1;
          return make.call(this);
        };
      }),
  });
  const tones = () => page.evaluate(() => (window as unknown as { tones: { count: number } }).tones.count);
  await row(page, 'flag').waitFor();
  await page.getByText('Sound', { exact: true }).click();
  await page.getByRole('button', { name: 'Test sound' }).click();
  await page.getByText('Sound', { exact: true }).click();
  await expect.poll(tones).toBe(2);
  await row(page, 'plain').locator('.opener').focus();
  const top = (await row(page, 'plain').boundingBox())!.y;
  const session = await page.context().newCDPSession(page);
  // Of the page's own thread, not of a busy machine.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busySeconds = async () =>
    (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!.value;
  const begin = await busySeconds();
  await flagAtOnce(opened, 200);
  await expect.poll(() => page.locator('.pill').textContent()).toBe('200 new, 200 flagged - press . to update');
  const strip = page.getByRole('list', { name: 'New AI flags' });
  expect(await strip.getByRole('listitem').count()).toBe(5);
  expect(await strip.getByRole('listitem').first().textContent()).toBe('200 new AI flags');
  expect(await page.locator('.slot').textContent()).toContain('202 waiting, 201 flagged');
  expect((await row(page, 'plain').boundingBox())!.y).toBe(top);
  const shown = await busySeconds();
  await page.keyboard.press('.');
  await expect.poll(() => page.locator('table').getAttribute('aria-rowcount')).toBe('203');
  // The scan in focus is out of sight below the others: the keys begin at the top, not at whoever stands in its place.
  for (let times = 0; times < 10; times += 1) await page.keyboard.press('j');
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest('tr')?.dataset['index'])).toBe('9');
  const taken = await busySeconds();
  // A chime looks again every five seconds.
  await systemClock.sleep(11_000);
  expect(await tones()).toBe(4);
  expect(shown - begin, 'seconds of work at their coming').toBeLessThan(0.2);
  expect(taken - shown, 'seconds of work for the update and ten steps').toBeLessThan(1);
  expect((await busySeconds()) - taken, 'seconds of work in eleven seconds afterwards').toBeLessThan(0.3);
});
