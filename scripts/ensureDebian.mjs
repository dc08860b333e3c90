// Installs the Debian packages that the tests need: DCMTK, dicom3tools, Orthanc and Chromium, a syslog server and an XML schema validator for the audit, age for backups, promtool for the alert rules, PostgreSQL for the worklist's tests, and Python for the parity checks, training and HL7 messages.
import { spawnSync } from 'node:child_process';

const PACKAGES = [
  'dcmtk',
  'dicom3tools',
  'orthanc',
  'orthanc-dicomweb',
  'chromium',
  'gcc',
  'libc6-dev',
  'rsyslog',
  'rsyslog-gnutls',
  'openssl',
  'curl',
  'jing',
  'systemd',
  'faketime',
  'age',
  'prometheus',
  'postgresql',
  'python3-numpy',
  'python3-torch',
  'python3-onnx',
  'python3-pydicom',
  'python3-hl7',
  'python3-skimage',
  'python3-sklearn',
  'python3-pil',
  'invesalius-examples',
];

const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...PACKAGES], {
  encoding: 'utf8',
});
if (query.error) {
  console.error(
    `The tests need Debian or Ubuntu (dpkg was not found). Elsewhere, install by hand: ${PACKAGES.join(' ')}`,
  );
  process.exit(2);
}
const installed = new Set(
  query.stdout
    .split('\n')
    .filter((line) => line.endsWith(' installed'))
    .map((line) => line.split(' ')[0]),
);
const missing = PACKAGES.filter((name) => !installed.has(name));
if (missing.length > 0) {
  console.error(
    `The tests run against real DICOM software. Installing from Debian (the only step that needs root): ${missing.join(' ')}`,
  );
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args) => {
    const [command, ...rest] = [...asRoot, ...args];
    return spawnSync(command, rest, { stdio: ['inherit', 2, 2], env: environment }).status === 0;
  };
  // -E keeps DEBIAN_FRONTEND through sudo.
  if (asRoot.length > 0) asRoot.push('-E');
  run('apt-get', 'update', '-qq');
  if (!run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing)) {
    console.error(`Could not install them. Run this by hand, then try again: apt-get install ${missing.join(' ')}`);
    process.exit(1);
  }
}
