// Fetches a pinned Node from the npm registry with the installed npm, so its proxy and registry settings apply.
// Runs on old Nodes: no syntax and no function that Node 12.20 does not have.
import { spawnSync } from 'child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The rows of nodePins.txt. */
export function nodePins() {
  return readFileSync(join(root, 'scripts/nodePins.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name, version, integrity] = line.split(' ');
      return { name, version, integrity };
    });
}

/** The folder with `node` and `npm` of the pinned Node of this major (the default where undefined), fetched at the first call. On failure prints a sentence and ends the process. */
export function fetchNode(major, why) {
  const pins = nodePins();
  const platform = `${process.platform}-${process.arch}`;
  const node = pins.find(
    ({ name, version }) => name === `node-${platform}` && (!major || version.startsWith(`${major}.`)),
  );
  if (!node) giveUp(`${why} There is no Node for ${platform} to fetch: install Node ${major || 24} by hand.`);
  const folder = join(root, '.cache/node', node.version);
  const bin = join(folder, 'node_modules/.bin');
  if (existsSync(join(bin, 'node'))) return bin;

  console.error(`${why} Fetching Node ${node.version} (the npm package ${node.name}) into .cache/node ...`);
  const npm = pins.find(({ name }) => name === 'npm');
  mkdirSync(dirname(folder), { recursive: true });
  const making = mkdtempSync(`${folder}.`);
  chmodSync(making, 0o755);
  const wanted = { name: 'odontoid-node', version: node.version, private: true, dependencies: {} };
  const packages = { '': wanted };
  for (const { name, version, integrity } of [node, npm]) {
    wanted.dependencies[name] = version;
    packages[`node_modules/${name}`] = { version, integrity, bin: commandsOf(name) };
  }
  writeFileSync(join(making, 'package.json'), JSON.stringify(wanted));
  // npm checks the download against the integrity in the lock.
  writeFileSync(
    join(making, 'package-lock.json'),
    JSON.stringify({ name: wanted.name, version: wanted.version, lockfileVersion: 3, requires: true, packages }),
  );
  const options = [
    '--prefix',
    making,
    '--ignore-scripts',
    '--no-fund',
    '--no-audit',
    '--engine-strict=false',
    '--loglevel=error',
  ];
  const fetched = spawnSync('npm', ['ci', ...options], { cwd: making, stdio: ['ignore', 2, 2] });
  const runs = spawnSync(join(making, 'node_modules/.bin/node'), ['--version']);
  if (fetched.status !== 0 || runs.status !== 0) {
    rmdirSync(making, { recursive: true });
    const wrong = fetched.status !== 0 ? 'could not be fetched (npm says why above)' : 'does not run on this system';
    giveUp(`Node ${node.version} ${wrong}. Install Node ${major || 24} by hand.`);
  }
  try {
    renameSync(making, folder);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(join(bin, 'node'))) throw error;
  }
  return bin;
}

function commandsOf(name) {
  return name === 'npm' ? { npm: 'bin/npm-cli.js', npx: 'bin/npx-cli.js' } : { node: 'bin/node' };
}

function giveUp(sentence) {
  console.error(sentence);
  process.exit(2);
}
