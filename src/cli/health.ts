import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Command } from 'commander';
import { loadConfig } from '../config/configFile.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';

/** `odontoid health`: whether the agent of this configuration answers on this machine. For HEALTHCHECK and service managers. */
export function healthCommand(): Command {
  return new Command('health')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {url, ok, text}')
    .action(async (options: { config?: string; json?: true }) => {
      const { web, node } = loadConfig(options.config, process.env);
      const [setting, { host, port = null }] = node.roles.includes('web')
        ? (['web.port', web] as const)
        : (['node.health.port', node.health] as const);
      const isTls = setting === 'web.port' && web.tls !== undefined;
      const url = `${isTls ? 'https' : 'http'}://${hostToAsk(host)}:${port ?? 0}/healthz`;
      const text =
        port === null
          ? 'an agent without the role web answers where node.health.port says, and that is not set'
          : port === 0
            ? `${setting} is 0: the agent took a free port, which nobody knows`
            : await ask(url);
      const ok = text === 'healthy';
      if (options.json) printJson({ url, ok, text });
      else printLine(`${url}: ${text}`);
      if (!ok) process.exitCode = EXIT.failed;
    });
}

/** The address to ask: loopback for an agent that listens on every address. */
function hostToAsk(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** The answer of the address: `healthy`, or what is wrong. */
function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = url.startsWith('https:') ? requestHttps : requestHttp;
    // The certificate is issued for the public name, but this connects to the machine itself.
    const asked = request(url, { rejectUnauthorized: false, timeout: 4_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'healthy' : `it answers HTTP ${response.statusCode ?? 0}`);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 4 s')));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'nobody listens there: the agent is not running' : error.message);
    });
    asked.end();
  });
}
