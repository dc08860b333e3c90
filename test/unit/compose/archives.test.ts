import { expect, it } from 'vitest';
import { askedArchives } from '../../../src/compose/archives.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { liveConfig, type PageValues } from '../../../src/config/pageValues.ts';
import { testClock } from '../worklist/fixture.ts';

it('asks the named archives, by the selection rules that are in force at each study', () => {
  const destinations = ['old', 'other'].map((name) => ({
    name,
    kind: 'dimse' as const,
    aeTitle: name.toUpperCase(),
    host: 'h',
    port: 104,
  }));
  let ofPage: PageValues = {};
  const config = liveConfig(configFrom({ destinations }), () => ofPage);
  const ports = { clock: testClock(), environment: {} };
  const archives = askedArchives({ config, ports }, ['old'], { doors: { storage: () => null, stow: () => null } });
  expect(archives.map(({ name }) => name)).toEqual(['old']);
  const wanted = () => archives[0]!.mayBeWanted({ studyDate: '', studyDescription: '' } as never);
  expect(wanted()).toBe(true);
  ofPage = { selection: [{ name: 'not from there', when: { callingAeTitles: ['OLD'] }, do: 'ignore' }] };
  expect(wanted()).toBe(false);
});
