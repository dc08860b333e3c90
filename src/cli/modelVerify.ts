import { Command } from 'commander';
import { loadConfig } from '../config/configFile.ts';
import { TriageError } from '../base/errors.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import { verifyRuns } from '../models/modelDecision.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';

/** `odontoid model verify DIR`: everything that the agent checks before it uses a package. */
export function modelVerifyCommand(): Command {
  return new Command('verify')
    .description('check a package: manifest, hashes, shapes of its graphs, golden case')
    .argument('<DIR>', 'folder with model.json')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {dir, ok, code, problem, model, provider}')
    .action(async (dir: string, options: { config?: string; json?: true }) => {
      const config = loadConfig(options.config, process.env);
      try {
        const { identity } = await loadModelPackage(dir);
        const provider = await verifyRuns(dir, config.infer);
        if (options.json) printJson({ dir, ok: true, code: null, problem: null, model: identity, provider });
        else
          printLine(
            `${identity.name} ${identity.version}, sha256 ${identity.sha256}: manifest, hashes, shapes and golden case agree (${provider})`,
          );
      } catch (error) {
        if (!(error instanceof TriageError) || !options.json) throw error;
        printJson({ dir, ok: false, code: error.code, problem: error.message, model: null, provider: null });
        process.exitCode = EXIT.failed;
      }
    });
}
