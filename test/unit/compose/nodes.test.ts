import { expect, it } from 'vitest';
import type { NodeSays } from '../../../src/compose/nodeSays.ts';
import { networksOf } from '../../../src/compose/nodes.ts';
import { differing, sharedSettings } from '../../../src/compose/sharedSettings.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import type { KnownNode } from '../../../src/worklist/nodes/nodeRecord.ts';

type Said = NonNullable<NodeSays['analyses']>;

const FIRST = { name: 'compact', version: '1.0.0', sha256: 'ab'.repeat(32), provider: 'cpu' };
const SECOND = { name: 'compact', version: '2.0.0', sha256: 'cd'.repeat(32), provider: 'cuda' };
const well = (model: Said['model'] = FIRST, encodedOnArrival = 0): Said => ({
  model,
  modelError: null,
  shadow: null,
  encodedOnArrival,
});
const broken = (modelError: string): Said => ({ model: null, modelError, shadow: null, encodedOnArrival: 0 });

function node(name: string, analyses: Said | null, isAlive = true): KnownNode<NodeSays> {
  const work = { loopLagMs: 3, receives: null, analyses };
  return { name, isAlive, work, roles: [], version: '0', startedAtMs: 1, seenAtMs: 2, hasStopped: false };
}

it('one agent that does everything speaks for itself', () => {
  const own = { ...well(), modelError: 'The golden case differs.' };
  expect(networksOf(own, { nodeName: 'north', heard: [] })).toEqual(own);
});

it('where one does not analyse, those that do speak; a node that is gone says nothing', () => {
  const shadow = { model: null, error: 'The package is damaged.', toScore: 0 };
  const heard = [node('north', null), node('old', broken('x'), false), node('south', { ...well(SECOND), shadow })];
  expect(networksOf(null, { nodeName: 'north', heard })).toEqual({ ...well(SECOND), shadow });
  const gone = [node('north', null), node('old', well(), false)];
  expect(networksOf(null, { nodeName: 'north', heard: gone })).toEqual(
    broken('No agent that analyses is heard of: studies are received and wait. Start one with the role infer.'),
  );
});

it('of several the own network comes first, then any that serves; what is wrong is said with the name of its agent', () => {
  const heard = [node('north', broken('what it said before')), node('south', well(SECOND))];
  const of = (own: Said) => networksOf(own, { nodeName: 'north', heard });
  expect(of(well())).toEqual(well());
  expect(of(broken('No memory.'))).toEqual({ ...well(SECOND), modelError: 'north: No memory.' });
  const others = { nodeName: 'north', heard: [node('south', broken('No disk.'))] };
  expect(networksOf(well(), others)).toEqual({ ...well(), modelError: 'south: No disk.' });
});

it('slices that were encoded on arrival are those of all agents', () => {
  const { model, modelError, shadow } = well();
  const earlier = node('of an earlier version', { model, modelError, shadow });
  const heard = [node('south', well(SECOND, 30)), node('gone', well(FIRST, 500), false), earlier];
  expect(networksOf(well(FIRST, 4), { nodeName: 'north', heard })).toMatchObject({ encodedOnArrival: 34 });
});

it('files that differ in what one agent has to itself say the same; in what a study may meet on either, they do not', () => {
  const pacs = { name: 'pacs', kind: 'dimse' as const, aeTitle: 'PACS', host: 'pacs', port: 104 };
  const file = { destinations: [pacs], report: { institutionName: 'Harbour' } };
  const north = sharedSettings(configFrom(file));
  const itsOwn = { dataDir: 'elsewhere', web: { port: 8_090 }, node: { name: 'south' }, infer: { niceness: 3 } };
  expect(differing(north, sharedSettings(configFrom({ ...file, ...itsOwn })))).toEqual([]);
  const south = { destinations: [{ ...pacs, port: 105 }], report: { institutionName: 'Hill' } };
  expect(differing(north, sharedSettings(configFrom(south)))).toEqual(['report', 'destinations']);
  // An agent of an earlier version says nothing of it.
  expect(differing(north, {})).toEqual([]);
});
