// A whole agent in a process of its own that a test may kill: `node agentProcess.mjs '{"config": ..., "killAt": "infer:ran", "signal": "SIGKILL"}'`. It runs from the build, since
// compiling the sources is half the work of a start, and there are many.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const built = (module) => import(new URL(`../../dist/src/${module}`, import.meta.url).href);
const { systemClock } = await built('base/clock.js');
const { createLog } = await built('base/log.js');
const { startAgent } = await built('compose/startAgent.js');
const { configFrom } = await built('config/configFile.js');

const { config, killAt, execPath, signal } = JSON.parse(process.argv[2]);
// What children are forked by.
process.execPath = execPath;
const marker = join(config.dataDir, '..', 'killed');
const agent = await startAgent(configFrom(config), {
  clock: systemClock,
  log: createLog('error'),
  environment: process.env,
  onStep: (step) => {
    // Once only: the next start must get past this point.
    if (step !== killAt || existsSync(marker)) return;
    writeFileSync(marker, step);
    process.kill(process.pid, signal);
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
