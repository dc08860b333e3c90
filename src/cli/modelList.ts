import { Command } from 'commander';
import { modelPlaces } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import type { ModelCard } from '../infer/modelCard.ts';
import { findModelPackages } from '../infer/modelPackages.ts';
import { modelsWanted } from './modelDatabase.ts';
import { note, printJson, printLine, table } from './output.ts';

/** `odontoid model list`: installed and shipped packages, and the role of each. */
export function modelListCommand(): Command {
  return new Command('list')
    .description('show installed and shipped packages, which one is active and which one is its shadow')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option(
      '--json',
      'print {active, shadow, packages: [{name, version, sha256, kind, source, dir, roles, threshold, metrics, problem}]}',
    )
    .action(async (options: { config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      const found = await findModelPackages(modelPlaces(config));
      const { active, shadow } = await modelsWanted(config);
      const activeSha =
        active.wanted?.model?.sha256 ?? found.find(({ dir }) => dir === config.infer.modelDir)?.identity?.sha256;
      const packages = found.map(({ dir, source, identity, card, defaultThreshold, problem }) => ({
        name: identity?.name ?? null,
        version: identity?.version ?? null,
        sha256: identity?.sha256 ?? null,
        kind: card?.kind ?? null,
        source,
        dir,
        roles: [
          ...(identity !== null && identity.sha256 === activeSha ? ['active'] : []),
          ...(identity !== null && identity.sha256 === shadow.wanted?.model?.sha256 ? ['shadow'] : []),
        ],
        threshold: defaultThreshold,
        metrics: card?.metrics.values ?? [],
        problem,
      }));
      if (options.json) printJson({ active: active.wanted, shadow: shadow.wanted, packages });
      else {
        printLine(
          table(
            ['package', 'sha256', 'kind', 'from', 'role', 'case AUC', 'sens. / spec. at its default'],
            found.map(({ source, identity, card }, index) =>
              identity === null
                ? ['?', '', '', source, '', '', packages[index]!.problem!]
                : [
                    `${identity.name}@${identity.version}`,
                    identity.sha256.slice(0, 12),
                    card.kind,
                    source,
                    packages[index]!.roles.join(', '),
                    caseAuc(card),
                    operatingPoint(card),
                  ],
            ),
          ),
        );
        for (const { wanted } of [active, shadow])
          if (wanted?.failure != null)
            note(
              `${wanted.model?.name ?? ''}@${wanted.model?.version ?? ''} was activated, and the agent could not load it: ${wanted.failure}`,
            );
        for (const { wanted, role } of [
          { ...active, role: 'active' },
          { ...shadow, role: 'shadow' },
        ]) {
          if (wanted?.model != null && !found.some(({ identity }) => identity?.sha256 === wanted.model!.sha256))
            note(
              `The ${role} package ${wanted.model.name}@${wanted.model.version} (${wanted.model.sha256.slice(0, 12)}) is not on this machine, or damaged: install it again.`,
            );
        }
      }
    });
}

/** The figure over all grades where the card has one, else the first that it names. */
function caseAuc({ metrics }: ModelCard): string {
  const named = metrics.values.filter(({ name }) => name === 'caseAuc');
  const metric = named.find((one) => one['grade'] === 'all') ?? named[0];
  if (metric?.value == null) return '-';
  return metric.low == null || metric.high == null
    ? metric.value.toFixed(3)
    : `${metric.value.toFixed(3)} (${metric.low.toFixed(3)} to ${metric.high.toFixed(3)})`;
}

function operatingPoint({ operatingPoints }: ModelCard): string {
  const { sensitivity, specificity, threshold } = operatingPoints.find(({ name }) => name === 'default')!;
  return `${sensitivity.toFixed(2)} / ${specificity.toFixed(2)} at ${threshold.toFixed(3)}`;
}
