import { expect, test } from 'vitest';
import { objectionToNode } from '../../../bin/nodeVersion.js';

test.each(['22.14.0', '22.23.5', '23.0.0', '24.0.1', '24.22.3', '26.12.1', '30.1.0'])('Node %s is taken', (version) => {
  expect(objectionToNode(version)).toBeNull();
});

test.each(['9.11.2', '18.20.8', '20.19.5', '21.30.0', '22.0.0', '22.13.1'])(
  'Node %s is refused, and what to install is said',
  (version) => {
    expect(objectionToNode(version)).toBe(`Odontoid needs Node 22.14 or later; this is ${version}. Install Node 24.`);
  },
);

test('the Node that runs this is one of them', () => {
  expect(objectionToNode(process.versions.node)).toBeNull();
});
