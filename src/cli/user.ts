import { Command, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { databasePlace } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import { TriageError } from '../base/errors.ts';
import { createAccounts, type Accounts, type SetUpLink } from '../worklist/people/accounts.ts';
import { openDatabase, type WorklistDatabase } from '../worklist/db/database.ts';
import type { User, UserRole } from '../answers/accessAnswers.ts';
import { note, printJson, printLine, table } from './output.ts';

const CONFIG = [
  '--config <FILE>',
  'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)',
] as const;
/** The actor in the audit: whoever can reach the database file needs no account. */
const BY = { name: 'command-line', address: '' };

/** Opens the worklist of a site, whether or not an agent is running. */
export async function withWorklist(
  path: string | undefined,
  run: (database: WorklistDatabase, config: Config) => Promise<void>,
): Promise<void> {
  const config = loadConfig(path, process.env);
  const database = await openDatabase(databasePlace(config));
  try {
    await run(database, config);
  } finally {
    await database.close();
  }
}

/** `odontoid user`: accounts, for people who are locked out of the page. */
export function userCommand(): Command {
  const user = new Command('user').exitOverride();
  const on = (path: string | undefined, run: (accounts: Accounts, config: Config) => Promise<void>) =>
    withWorklist(path, (database, config) => run(createAccounts(database, systemClock), config));

  user
    .command('add <name>')
    .description('adds an account and prints the link by which its owner sets the password')
    .addOption(new Option('--role <ROLE>', 'what it may do').choices(['reader', 'admin']).default('reader'))
    .option(...CONFIG)
    .action((name: string, options: { role: UserRole; config?: string }) =>
      on(options.config, async (accounts, config) => {
        const made = await accounts.add(name, options.role, BY);
        printLink(made.user, made.link, config);
      }),
    );
  user
    .command('list')
    .description('every account')
    .option('--json', 'print a list of accounts')
    .option(...CONFIG)
    .action((options: { json?: true; config?: string }) =>
      on(options.config, async (accounts) => {
        const users = await accounts.list();
        if (options.json) printJson(users);
        else
          printLine(
            table(
              ['name', 'role', 'kind', 'state', 'last sign-in'],
              users.map((one) => [one.name, one.role, one.kind, stateOf(one), timeOf(one.lastSignInAtMs)]),
            ),
          );
      }),
    );
  for (const [word, disabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    user
      .command(`${word} <name>`)
      .description(disabled ? 'keeps an account out and ends its sessions' : 'lets an account in again')
      .option(...CONFIG)
      .action((name: string, options: { config?: string }) =>
        on(options.config, async (accounts) => {
          const found = await known(accounts, name);
          await accounts.setDisabled(found.id, disabled, BY);
          printLine(`${found.name} is ${disabled ? 'disabled' : 'enabled'}.`);
        }),
      );
  }
  user
    .command('role <name>')
    .description('changes what an account may do')
    .addOption(new Option('--role <ROLE>', 'what it may do').choices(['reader', 'admin']).makeOptionMandatory())
    .option(...CONFIG)
    .action((name: string, options: { role: UserRole; config?: string }) =>
      on(options.config, async (accounts) => {
        const found = await known(accounts, name);
        await accounts.setRole(found.id, options.role, BY);
        printLine(`${found.name} is ${options.role} now.`);
      }),
    );
  user
    .command('reset <name>')
    .description('takes the password away, ends every session, and prints a link for a new one')
    .option(...CONFIG)
    .action((name: string, options: { config?: string }) =>
      on(options.config, async (accounts, config) => {
        const found = await known(accounts, name);
        printLink(found, await accounts.reset(found.id, BY), config);
      }),
    );
  return user;
}

async function known(accounts: Accounts, name: string): Promise<User> {
  const found = await accounts.byName(name);
  if (found === null)
    throw new TriageError('not-found', `There is no account ${name}. odontoid user list shows them all.`);
  return found;
}

function printLink(user: User, link: SetUpLink, { web }: Config): void {
  const own = `http://${web.host.includes(':') ? `[${web.host}]` : web.host}:${web.port}`;
  const base = web.publicUrl === undefined ? own : web.publicUrl.replace(/\/$/, '') + web.basePath;
  note(`Give ${user.name} this link. It works once, until ${timeOf(link.expiresAtMs)}:`);
  printLine(`${base}/set-up#${link.secret}`);
}

function stateOf(user: User): string {
  if (user.disabledAtMs !== null) return 'disabled';
  return user.kind === 'oidc' || user.hasPassword ? 'active' : 'no password yet';
}

/** A time for display, in the machine's own time zone. */
export function timeOf(atMs: number | null): string {
  return atMs === null ? 'never' : new Date(atMs).toLocaleString('sv-SE');
}
