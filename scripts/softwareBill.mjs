// npm run bill: lists the third-party software in a release. Writes sbom.cdx.json (CycloneDX 1.5) and THIRD-PARTY-NOTICES.txt (the licences in full).
// `npm pack` runs it, and the tarball carries both; they are not kept in the repository, so they always match the release.
// Reads the lock instead of `npm sbom`: in npm 11.19, `--omit dev` also leaves out packages that a development tool needs too (zod, yaml, http-errors and 24 more).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
const page = packagesOfThePage();
/** Paths of the packages that are shipped: those that an installation gets, and those bundled into dist/web. */
const shipped = Object.keys(locked).filter(
  (path) => path !== '' && (!isForDevelopment(path) || page.has(nameOf(path))),
);

const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: { ...identity(own.name, own.version, own.license), type: 'application' } },
  components: shipped.map((path) => {
    const { version, license, integrity } = locked[path];
    const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
    return { ...identity(nameOf(path), version, license), type: 'library', hashes: [{ alg: 'SHA-512', content }] };
  }),
  dependencies: ['', ...shipped].map((path) => ({ ref: referenceOf(path), dependsOn: needsOf(path) })),
};
writeFileSync(join(root, 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);

const rule = `\n${'-'.repeat(80)}\n\n`;
const head = 'Odontoid contains these packages of others, unchanged. Their licences follow.\n';
const notices = shipped.map((path) => `${referenceOf(path)}\nLicence: ${locked[path].license}\n\n${textsOf(path)}\n`);
writeFileSync(join(root, 'THIRD-PARTY-NOTICES.txt'), [head, ...notices].join(rule));

/** The page is bundled: what it imports is shipped inside dist/web, though npm lists it as a development dependency. */
function packagesOfThePage() {
  const names = new Set();
  for (const file of readdirSync(join(root, 'src/page'), { recursive: true }).map(String)) {
    if (!/\.tsx?$/.test(file)) continue;
    const text = readFileSync(join(root, 'src/page', file), 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import) '((?:@[\w.-]+\/)?\w[\w.-]*)/g)) names.add(name);
  }
  return names;
}

function identity(name, version, license) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const licence = /^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license };
  return { 'bom-ref': `${name}@${version}`, name, version, purl, licenses: [licence] };
}

function isForDevelopment(path) {
  return locked[path].dev === true || locked[path].devOptional === true;
}

function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function referenceOf(path) {
  return path === '' ? `${own.name}@${own.version}` : `${nameOf(path)}@${locked[path].version}`;
}

/** What a package depends on, resolved as npm does: beside it, or in a folder above. */
function needsOf(path) {
  const { dependencies = {}, optionalDependencies = {} } = locked[path];
  const names = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...(path === '' ? page : [])];
  const found = names.map((name) => {
    for (let folder = path; ; folder = dirname(folder)) {
      const candidate = folder === '' || folder === '.' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
      if (candidate in locked) return candidate;
      if (folder === '' || folder === '.') return null;
    }
  });
  return [...new Set(found.filter((one) => shipped.includes(one)).map(referenceOf))].sort();
}

/** The licence files of a package; for a package of another system, which is not installed here, only its name is known. */
function textsOf(path) {
  if (!existsSync(join(root, path))) return '(for another system than the one on which this was made)';
  const files = readdirSync(join(root, path)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(root, path, file), 'utf8').trim());
  return texts.join('\n\n') || '(the package holds no licence file)';
}
