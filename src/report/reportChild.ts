import { fromErrorMessage, toErrorMessage } from '../base/errorMessage.ts';
import type { DecodeLines, DecodeSlice } from '../case/triageModel.ts';
import { prepareToWrite } from '../dicom/part10.ts';
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

type Decoded = Exclude<ToReportChild, { kind: 'write' }>;
let onDecoded: (answer: Decoded) => void = () => undefined;

/** One question at a time. */
function decoded(question: FromReportChild): Promise<Exclude<Decoded, { kind: 'noSlice' }>> {
  return new Promise((resolve, reject) => {
    onDecoded = (answer) => {
      if (answer.kind === 'noSlice') reject(fromErrorMessage(answer.error, 'report-failed'));
      else resolve(answer);
    };
    send(question);
  });
}

const renderSource: DecodeSlice = async (path, frameNumber) => {
  const answer = await decoded({ kind: 'decode', path, frameNumber });
  if (answer.kind !== 'slice') throw new Error('A slice was asked for.');
  return answer.slice;
};

const renderLines: DecodeLines = async (images, line) => {
  const answer = await decoded({ kind: 'decodeLines', images, line });
  if (answer.kind !== 'lines') throw new Error('Lines were asked for.');
  return answer.lines;
};

async function write({
  reported,
  findings,
  keySlices,
}: Extract<ToReportChild, { kind: 'write' }>): Promise<FromReportChild> {
  try {
    const setup = JSON.parse(process.argv[2] ?? '') as ReportChildSetup;
    const options = { ...setup.options, keySlices };
    const writer = createResultWriter({ ...setup, options, renderSource, renderLines });
    return { kind: 'written', objects: await writer.write(reported, findings) };
  } catch (error) {
    return { kind: 'failed', error: toErrorMessage(error, 'report-failed', 'The report could not be written') };
  }
}

process.on('message', (message: ToReportChild) => {
  if (message.kind === 'write') write(message).then(send, () => undefined);
  else onDecoded(message);
});
send({ kind: 'ready' });
prepareToWrite();
