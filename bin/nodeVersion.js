import { readFileSync } from 'node:fs';

/** Why this version of Node (`20.1.0`) cannot run Odontoid, or null. The range is that of `engines` in package.json. */
export function objectionToNode(version) {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const [, leastMajor, leastMinor] = /^>=(\d+)\.(\d+)$/.exec(engines.node).map(Number);
  const [major, minor] = version.split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return null;
  // docs/adr/0021-node-versions.md
  return `Odontoid needs Node ${leastMajor}.${leastMinor} or later; this is ${version}. Install Node 24.`;
}
