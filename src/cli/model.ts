import { Command } from 'commander';
import { dataPaths } from '../compose/places.ts';
import { loadConfig } from '../config/configFile.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import { verifyAndInstall, verifyRuns } from '../models/modelDecision.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { modelActivateCommand } from './modelActivate.ts';
import { modelCardMarkdown } from './modelCardMarkdown.ts';
import { modelCompareCommand } from './modelCompare.ts';
import { modelListCommand } from './modelList.ts';
import { namedModelDir } from './modelOption.ts';
import { modelRecalibrateCommand } from './modelRecalibrate.ts';
import { modelVerifyCommand } from './modelVerify.ts';
import { printJson, printLine } from './output.ts';

/** `odontoid model`: the packages of this machine, and which of them is active. */
export function modelCommand(): Command {
  const group = new Command('model');
  for (const command of [
    modelVerifyCommand,
    modelListCommand,
    installCommand,
    modelActivateCommand,
    modelCompareCommand,
    modelRecalibrateCommand,
    cardCommand,
  ]) {
    group.addCommand(command().exitOverride().showHelpAfterError('(odontoid model --help shows what there is)'));
  }
  return group;
}

function installCommand(): Command {
  return new Command('install')
    .description(
      'check a package as "verify" does and copy it into the data folder; nothing judges by it before it is activated',
    )
    .argument('<DIR>', 'folder with model.json')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {model, dir, wasThere}')
    .action(async (dir: string, options: { config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      const { model, ...installed } = await verifyAndInstall(dir, dataPaths(config).models, (place) =>
        verifyRuns(place, config.infer),
      );
      if (options.json) printJson({ model, dir: installed.dir, wasThere: installed.wasThere });
      else
        printLine(`${label(model)} ${installed.wasThere ? 'was installed already' : 'installed'} in ${installed.dir}`);
    });
}

function cardCommand(): Command {
  return new Command('card')
    .description('print the model card of a package, for people (Markdown)')
    .argument('<NAME[@VERSION]|DIR>', 'a package of "odontoid model list", or a folder with model.json')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {model, card}: the digest and the manifest')
    .action(async (wanted: string, options: { config?: string; json?: true }) => {
      const { identity, card } = await loadModelPackage(
        await namedModelDir(loadConfig(options.config, process.env), wanted),
      );
      if (options.json) printJson({ model: identity, card });
      else printLine(modelCardMarkdown(card, identity));
    });
}

function label({ name, version, sha256 }: ModelIdentity): string {
  return `${name}@${version} (${sha256.slice(0, 12)})`;
}
