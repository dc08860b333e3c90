// npm run check:fresh [-- [--demo-only] [--arch ARCH] SUITE ...]: what a stranger gets. Makes a minimal Debian 12 and 13 in a folder (debootstrap), clones HEAD into it,
// and runs the README's `npm run demo -- --once` and `npm test` inside, by chroot; --demo-only leaves out the second. Run it whenever a Debian package or a
// tool changes: these systems lack whatever this machine happens to have. Needs root and about an hour; takes 15 GB under ODONTOID_FRESH_DIR (else
// /var/tmp/odontoid-fresh), where it removes the systems of an earlier run first.
// --arch arm64 makes systems of another architecture: the kernel must know how to run its programs (qemu-user-static and binfmt_misc).
// Mirror, proxies, certificates and npm's registry come from this machine's own configuration.
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const folder = resolve(process.env['ODONTOID_FRESH_DIR'] ?? '/var/tmp/odontoid-fresh');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'demo-only': { type: 'boolean' }, arch: { type: 'string' } },
});
const suites = positionals.length > 0 ? positionals : ['bookworm', 'trixie'];
const ofArchitecture = values.arch === undefined ? [] : ['--arch', values.arch];
/** What README.md requires: npm, with the Node that Debian has, and git to clone with. */
const GIVEN = 'apt-get update -qq && apt-get install -qq -y --no-install-recommends git npm ca-certificates';
const COMMANDS = ['npm run demo -- --once', ...(values['demo-only'] ? [] : ['npm test'])];

if (process.getuid() !== 0) stop('check:fresh needs root, for debootstrap and chroot: sudo npm run check:fresh');
if (spawnSync('debootstrap', ['--version']).status !== 0) stop('debootstrap is missing: apt-get install debootstrap');
mkdirSync(folder, { recursive: true });
for (const suite of suites) make(suite);
// The quick command in every system first; a system in which it fails has no need of the long one.
const failures = new Map();
for (const command of COMMANDS)
  for (const suite of suites) if (!failures.has(suite) && !run(suite, command)) failures.set(suite, command);
if (failures.size > 0)
  stop(
    `Failed in a fresh Debian, see the logs in ${folder}:\n${[...failures].map((failure) => failure.join(': ')).join('\n')}`,
  );
console.log(`${COMMANDS.join(' and ')}: works in a fresh ${suites.join(' and in a fresh ')}.`);

function make(suite) {
  const system = join(folder, suite);
  rmSync(system, { recursive: true, force: true });
  rmSync(join(folder, `${suite}.log`), { force: true });
  const mirror = mirrorOfThisMachine();
  step(suite, 'debootstrap', 'debootstrap', ['--variant=minbase', ...ofArchitecture, suite, system, mirror]);
  writeFileSync(join(system, 'etc/apt/sources.list'), `deb ${mirror} ${suite} main\n`);
  const acquire = spawnSync('apt-config', ['dump', '--format', '%f "%v";%n', 'Acquire'], { encoding: 'utf8' }).stdout;
  const ways = acquire.split('\n').filter((line) => /^Acquire::(https?|Retries)\b/i.test(line));
  writeFileSync(join(system, 'etc/apt/apt.conf.d/90this-machine'), `${ways.join('\n')}\n`);
  writeFileSync(join(system, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const certificates = process.env['NODE_EXTRA_CA_CERTS'] ?? '';
  const npmrc = spawnSync('npm', ['config', 'get', 'userconfig'], { encoding: 'utf8', cwd: '/' }).stdout.trim();
  for (const [from, to] of [
    ['/etc/resolv.conf', 'etc/resolv.conf'],
    ['/etc/hosts', 'etc/hosts'],
    [npmrc, 'root/.npmrc'],
    [certificates, certificates.slice(1)],
    // The package ca-certificates writes its bundle anew, with whatever lies here.
    [certificates, 'usr/local/share/ca-certificates/this-machine.crt'],
  ])
    if (from !== '' && existsSync(from)) {
      mkdirSync(dirname(join(system, to)), { recursive: true });
      copyFileSync(from, join(system, to));
    }
  inside(suite, 'apt-get install npm', '/', GIVEN);
  step(suite, 'git clone', 'git', ['clone', '-q', '--no-hardlinks', root, join(system, 'srv/odontoid')]);
}

function run(suite, command) {
  return inside(suite, command, '/srv/odontoid', command, false);
}

/** Runs in its own namespaces: whatever is mounted or started ends with it. */
function inside(suite, title, cwd, command, must = true) {
  const system = join(folder, suite);
  const mounts = ['proc -t proc proc', 'sys --rbind /sys', 'dev --rbind /dev', 'tmp -t tmpfs tmpfs'].map((mount) => {
    const [where, ...options] = mount.split(' ');
    return `mount ${options.join(' ')} '${system}/${where}'`;
  });
  const script = `${mounts.join(' && ')} && exec chroot '${system}' sh -c 'cd ${cwd} && ${command}'`;
  return step(suite, title, 'unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script], must);
}

function step(suite, title, command, args, must = true) {
  const log = join(folder, `${suite}.log`);
  const began = process.hrtime.bigint();
  process.stdout.write(`${suite}: ${title} ... `);
  const out = openSync(log, 'a');
  const { status } = spawnSync(command, args, { stdio: ['ignore', out, out], env: environment() });
  closeSync(out);
  const seconds = Number((process.hrtime.bigint() - began) / 1_000_000_000n);
  const ending = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1);
  console.log(
    `${status === 0 ? 'done' : `FAILED (${status})`}, ${seconds} s${command === 'unshare' ? `: ${ending}` : ''}`,
  );
  if (status !== 0 && must) stop(`See ${log}`);
  return status === 0;
}

/** Passes on only what is needed to reach the registries: a stranger has none of our variables. */
function environment() {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|npm_config_registry)$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    HOME: '/root',
    LANG: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
}

/** The first archive in this machine's apt sources. */
function mirrorOfThisMachine() {
  const listed = spawnSync('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  const site = listed.stdout.split('\n').find((line) => line.endsWith('/debian') || line.endsWith('/debian/'));
  if (!site) stop('apt on this machine knows no archive of Debian (apt-get indextargets).');
  return site;
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
