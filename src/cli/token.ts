import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { createServiceTokens } from '../worklist/people/serviceTokens.ts';
import { note, printJson, printLine, table } from './output.ts';
import { wholeNumber } from './numbers.ts';
import { timeOf, withWorklist } from './user.ts';

const CONFIG = [
  '--config <FILE>',
  'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)',
] as const;
const BY = 'command-line';
const DAY_MS = 86_400_000;

/** `odontoid token`: machines that may read the JSON API and the metrics, or send studies by STOW-RS. */
export function tokenCommand(): Command {
  const token = new Command('token').exitOverride();
  token
    .command('add <name>')
    .description('makes a token and prints it: it is shown this once')
    .option('--sender', 'for a machine that sends studies by STOW-RS, and reads nothing')
    .option('--days <n>', 'how long it is good for; without it, until revoked', wholeNumber(1, 3650))
    .option(...CONFIG)
    .action((name: string, options: { sender?: true; days?: number; config?: string }) =>
      withWorklist(options.config, async (database) => {
        const expiresAtMs = options.days === undefined ? null : systemClock.now() + options.days * DAY_MS;
        const { secret } = await createServiceTokens(database, systemClock).add(
          name,
          expiresAtMs,
          BY,
          options.sender === true ? 'sender' : 'machine',
        );
        note('Keep it now, it is not shown again. Send it as: Authorization: Bearer TOKEN');
        printLine(secret);
      }),
    );
  token
    .command('list')
    .description('every token, without its secret')
    .option('--json', 'print a list of tokens')
    .option(...CONFIG)
    .action((options: { json?: true; config?: string }) =>
      withWorklist(options.config, async (database) => {
        const tokens = await createServiceTokens(database, systemClock).list();
        if (options.json) printJson(tokens);
        else
          printLine(
            table(
              ['name', 'for', 'made', 'good until', 'last used'],
              tokens.map((one) => [
                one.name,
                one.kind,
                timeOf(one.createdAtMs),
                one.expiresAtMs === null ? 'it is revoked' : timeOf(one.expiresAtMs),
                timeOf(one.lastUsedAtMs),
              ]),
            ),
          );
      }),
    );
  token
    .command('revoke <name>')
    .description('ends a token at once')
    .option(...CONFIG)
    .action((name: string, options: { config?: string }) =>
      withWorklist(options.config, async (database) => {
        await createServiceTokens(database, systemClock).revoke(name, BY);
        printLine(`${name} is revoked.`);
      }),
    );
  return token;
}
