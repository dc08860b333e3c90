import { fromErrorMessage, toErrorMessage } from '../base/errorMessage.ts';
import type { DecodeSlice } from '../case/triageModel.ts';
import type { FromReportChild, ReportChildSetup, ToReportChild } from './reportMessages.ts';
import { createResultWriter } from './writeResults.ts';

// The child of reportProcess.ts: writes one report after the other. It may be killed at any time.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The agent decides when to stop; a terminal's Ctrl-C, or its closing, reaches both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const send = (message: FromReportChild): void => {
  // If the parent died while this was being written, that is no error here: 'disconnect' ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};

let onSlice: (answer: Exclude<ToReportChild, { kind: 'write' }>) => void = () => undefined;

const renderSource: DecodeSlice = (path, frameNumber) =>
  new Promise((resolve, reject) => {
    onSlice = (answer) => {
      if (answer.kind === 'slice') resolve(answer.slice);
      else reject(fromErrorMessage(answer.error, 'report-failed'));
    };
    send({ kind: 'decode', path, frameNumber });
  });

async function write({ reported, findings }: Extract<ToReportChild, { kind: 'write' }>): Promise<FromReportChild> {
  try {
    const writer = createResultWriter({ ...(JSON.parse(process.argv[2] ?? '') as ReportChildSetup), renderSource });
    return { kind: 'written', objects: await writer.write(reported, findings) };
  } catch (error) {
    return { kind: 'failed', error: toErrorMessage(error, 'report-failed', 'The report could not be written') };
  }
}

process.on('message', (message: ToReportChild) => {
  if (message.kind === 'write') write(message).then(send, () => undefined);
  else onSlice(message);
});
send({ kind: 'ready' });
