import { readFileSync } from 'node:fs';

/** Why this version of Node (`22.1.0`) cannot run Odontoid, or null. The range is that of `engines` in package.json. */
export function objectionToNode(version) {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const [, leastMajor, leastMinor, tooNew] = /^>=(\d+)\.(\d+) <(\d+)$/.exec(engines.node).map(Number);
  const [major, minor] = version.split('.').map(Number);
  if (major < leastMajor || (major === leastMajor && minor < leastMinor))
    return `Odontoid needs Node ${leastMajor}.${leastMinor} or later; this is ${version}. Install Node 22.`;
  // docs/adr/0021-node-versions.md
  if (major >= tooNew)
    return `Odontoid does not run on Node ${major}: there its database driver ends the process in the midst of work. Install Node 22.`;
  return null;
}
