import { TriageError } from '../base/errors.ts';
import type { Pacs } from '../case/delivery.ts';
import { sendFiles } from '../pacs/sendFiles.ts';
import { createProofOfLife, type ProofOfLife } from '../proofOfLife/proofOfLife.ts';
import { newSecret } from '../worklist/people/secrets.ts';
import { createProofRuns } from '../worklist/proof/proofRuns.ts';
import type { Foundation } from './agentPorts.ts';
import { assertReceives } from './nodes.ts';
import { ownHost } from './ownDoor.ts';

/** An AE title that nobody else knows, different at each start: only this process can send under it. */
export function newProofAeTitle(): string {
  return `PROOF-${newSecret()
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 10)}`;
}

/** Creates the proof of life: it sends its study to this agent's own receiver, which listens on `receiverPort` once it has started. */
export function openProofOfLife(
  { config, paths, roles, database, query, store, ports: { clock, log } }: Foundation,
  {
    aeTitle,
    receiverPort,
    destinations,
  }: {
    aeTitle: string;
    receiverPort: () => number | null;
    destinations: () => readonly Pacs[];
  },
): ProofOfLife {
  const { sendTo, expect, timeoutMinutes, alarmAfterHours } = config.proofOfLife;
  const proof = createProofOfLife({
    runs: createProofRuns(database, clock),
    query,
    onChange: (listener) => store.onChange(listener),
    thresholdChange: (modelName) => store.thresholdChange(modelName),
    send: async (files) => {
      const port = receiverPort();
      if (port === null) throw new TriageError('proof-failed', 'The receiver has not started.');
      const peer = {
        name: 'agent',
        aeTitle: config.receive.aeTitle,
        host: ownHost(config.receive.host),
        port,
        callingAeTitle: aeTitle,
        timeoutMs: 30_000,
      };
      return (await sendFiles(peer, files, { clock })).map(({ outcome }) => outcome);
    },
    // What is paused on purpose is no failure.
    get destinations() {
      const active = config.destinations.filter(({ state }) => state === 'active');
      return destinations().filter(({ name }) => active.some((one) => one.name === name));
    },
    sendTo,
    dir: paths.proof,
    expect,
    timeoutMs: timeoutMinutes * 60_000,
    get alarmAfterMs() {
      return config.proofOfLife.schedule === 'off' ? null : alarmAfterHours * 3_600_000;
    },
    clock,
    log: log.child({ component: 'proof' }),
  });
  return {
    ...proof,
    begin: async (cause, requestedBy) => {
      assertReceives(roles, 'Begin it');
      return proof.begin(cause, requestedBy);
    },
  };
}
