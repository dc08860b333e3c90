// A whole agent in a process of its own that a test may kill: `node agentProcess.ts '{"config": ..., "killAt": "infer:ran"}'`.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createLog } from '../../src/base/log.ts';

const { config, killAt, execPath } = JSON.parse(process.argv[2]!) as {
  config: Parameters<typeof configFrom>[0];
  killAt?: string;
  execPath: string;
};
// What children are forked by.
process.execPath = execPath;
const marker = join(config.dataDir!, '..', 'killed');
const agent = await startAgent(configFrom(config), {
  clock: systemClock,
  log: createLog('error'),
  environment: process.env,
  onStep: (step) => {
    // Once only: the next start must get past this point.
    if (step !== killAt || existsSync(marker)) return;
    writeFileSync(marker, step);
    process.kill(process.pid, 'SIGKILL');
  },
});
process.once('SIGTERM', () => {
  agent.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
// Last: whoever reads this may stop the process at once.
process.stdout.write(`${JSON.stringify({ dicomPort: agent.dicomPort, url: agent.url })}\n`);
