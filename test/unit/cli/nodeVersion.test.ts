import { expect, test } from 'vitest';
import { objectionToNode } from '../../../bin/nodeVersion.js';

test.each(['20.19.0', '20.20.2', '21.0.0', '22.23.3', '23.11.1'])('Node %s is taken', (version) => {
  expect(objectionToNode(version)).toBeNull();
});

test.each([
  ['18.20.8', 'needs Node 20.19 or later; this is 18.20.8'],
  ['20.18.3', 'needs Node 20.19 or later; this is 20.18.3'],
  ['24.0.0', 'does not run on Node 24'],
  ['26.4.0', 'does not run on Node 26'],
])('Node %s is refused, and what to install is said', (version, why) => {
  expect(objectionToNode(version)).toContain(why);
  expect(objectionToNode(version)).toContain('Install Node 22.');
});

test('the Node that runs this is one of them', () => {
  expect(objectionToNode(process.versions.node)).toBeNull();
});
