// dependency-cruiser passes silently when it cannot parse anything: insist on a least number of modules.
import { cruise } from 'dependency-cruiser';
import { createRequire } from 'node:module';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const LEAST_MODULES = 380;
const configuration = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const { output } = await cruise(
  ['src', 'migrations'],
  { ruleSet: { forbidden: configuration.forbidden }, ...configuration.options, validate: true },
  undefined,
  { tsConfig: extractTSConfig('tsconfig.json') },
);
const ours = output.modules.filter((module) => /^(src|migrations)\//.test(module.source));
for (const violation of output.summary.violations)
  console.error(`${violation.rule.name}: ${violation.from} -> ${violation.to}`);
console.error(`${ours.length} modules, ${output.summary.violations.length} violations of the import rules`);
if (ours.length < LEAST_MODULES) console.error(`fewer than ${LEAST_MODULES} modules were read: the check is blind`);
process.exit(output.summary.violations.length > 0 || ours.length < LEAST_MODULES ? 1 : 0);
