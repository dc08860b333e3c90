// Checks the import rules, and that they cover everything: every module is read and lies in one room, every package has a rule.
import { cruise, type ICruiseResult, type IForbiddenRuleType, type ICruiseOptions } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { importGaps, type ImportRuleCoverage } from './importGaps.ts';

const FOLDERS = ['src', 'migrations', 'training'];
const { forbidden, options, rooms, homes } = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as {
  forbidden: IForbiddenRuleType[];
  options: ICruiseOptions;
} & Pick<ImportRuleCoverage, 'rooms' | 'homes'>;
const { output } = await cruise(FOLDERS, { ruleSet: { forbidden }, ...options, validate: true }, undefined, {
  tsConfig: extractTSConfig('tsconfig.json'),
});
const { modules: read, summary } = output as ICruiseResult;
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...FOLDERS], {
  encoding: 'utf8',
});
const modules = files.split('\n').filter((path) => /(?<!\.d)\.tsx?$/.test(path));
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
const complaints = [
  ...summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  ...importGaps({
    modules,
    read: new Set(read.map((module) => module.source)),
    rooms,
    packages: Object.keys(dependencies),
    homes,
  }),
];
for (const complaint of complaints) console.error(complaint);
console.error(`${modules.length} modules in ${rooms.length} rooms, ${complaints.length} complaints`);
process.exit(complaints.length > 0 ? 1 : 0);
