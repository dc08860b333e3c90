import { describe, expect, it } from 'vitest';
import { createSendingHabits } from '../../../src/receive/sendingHabits.ts';

const LONGEST_PAUSE_MS = 5_000;
const CT7 = { callingAeTitle: 'CT7', address: '10.0.0.7' };
const STRANGERS = [
  { callingAeTitle: 'CT8', address: '10.0.0.7' },
  { callingAeTitle: 'CT7', address: '10.0.0.8' },
];

function sending() {
  let nowMs = 7;
  const habits = createSendingHabits(LONGEST_PAUSE_MS, { now: () => nowMs, monotonicMs: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  /** One association with an object of the study; whether more of it is waited for. */
  const send = (study: string): boolean => {
    habits.came(CT7, study);
    return habits.released(CT7, [study], []).length > 0;
  };
  return { habits, pass, send };
}

/** The same, of senders each of which has sent a study on one association. */
function known() {
  const one = sending();
  for (const sender of [CT7, ...STRANGERS]) one.habits.released(sender, ['1.2.0.1'], []);
  one.pass(LONGEST_PAUSE_MS + 1);
  return one;
}

describe('what is known of how a sender ends its studies', () => {
  it.each([
    ['at once', 0, true],
    ['after 5 s', LONGEST_PAUSE_MS, true],
    ['after more than 5 s', LONGEST_PAUSE_MS + 1, false],
  ])('one that goes on with a study %s after its release: %i ms', (_when, pauseMs, inParts) => {
    const { habits, send, pass } = known();
    expect(send('1.2.1')).toBe(false);
    pass(pauseMs);
    expect(send('1.2.1')).toBe(inParts);
    expect(send('1.2.2')).toBe(inParts);
    for (const other of STRANGERS) expect(habits.released(other, ['1.2.3'], [])).toEqual([]);
  });

  it('is counted from the last release: objects that come while an association is open do not count', () => {
    const { habits, send, pass } = known();
    expect(send('1.2.1')).toBe(false);
    pass(LONGEST_PAUSE_MS + 1);
    for (let object = 0; object < 3; object++) habits.came(CT7, '1.2.1');
    expect(send('1.2.1')).toBe(false);
    pass(1);
    expect(send('1.2.1')).toBe(true);
  });

  it('is nothing at first: it is waited for, until one of its studies has been followed to its end', () => {
    const { habits, send, pass } = sending();
    expect(send('1.2.1')).toBe(true);
    pass(LONGEST_PAUSE_MS);
    expect(send('1.2.2')).toBe(true);
    pass(1);
    expect(send('1.2.3')).toBe(false);
    for (const other of STRANGERS) expect(habits.released(other, ['1.2.4'], [])).toEqual(['1.2.4']);
  });

  it('is something once a study went on later than a sender is waited for', () => {
    const { send, pass } = sending();
    send('1.2.1');
    pass(LONGEST_PAUSE_MS + 1);
    expect(send('1.2.1')).toBe(false);
    expect(send('1.2.2')).toBe(false);
  });

  it('is forgotten with its tenth study after that', () => {
    const { send, pass } = known();
    send('1.2.0');
    expect(send('1.2.0')).toBe(true);
    for (let study = 1; study <= 9; study++) expect(send(`1.2.${study}`), `study ${study}`).toBe(true);
    // One that is sent again later counts once.
    pass(LONGEST_PAUSE_MS + 1);
    expect(send('1.2.9')).toBe(true);
    expect(send('1.2.10')).toBe(false);
  });

  const opened = { ...CT7, openedAtMs: 7 + LONGEST_PAUSE_MS + 1, studyInstanceUids: new Set<string>() };
  it.each([
    ['its own, opened 5 s ago', LONGEST_PAUSE_MS, opened, true],
    ['its own, opened longer ago', LONGEST_PAUSE_MS + 1, opened, false],
    ['its own, on which another study has come', 1, { ...opened, studyInstanceUids: new Set(['1.2.9']) }, false],
    ['that of another title', 1, { ...opened, ...STRANGERS[0]! }, false],
    ['that of another address', 1, { ...opened, ...STRANGERS[1]! }, false],
  ])('an open association is waited for where it may be the next one: %s', (_which, afterMs, other, isWaited) => {
    const { habits, pass } = known();
    pass(afterMs);
    expect(habits.released(CT7, ['1.2.1', '1.2.2'], [other])).toEqual(isWaited ? ['1.2.1', '1.2.2'] : []);
  });
});
