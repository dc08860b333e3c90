import { request as send, type ClientRequest, type IncomingMessage } from 'node:http';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { TriageError } from '../base/errors.ts';
import type { Config, Destination } from '../config/config.ts';
import { DEFAULT_STOW_LIMITS } from '../config/receiveSettings.ts';
import type { FetchedBody, TakenBody, WebDoor } from '../pacs/dicomWebArchive.ts';
import { STOW_HEADERS } from '../receive/stowServer.ts';

/** Where the receiver takes multipart bodies from this machine, and what it must be shown. */
export interface StowDoor {
  port: number;
  secret: string;
}

/** An AE title has 16 characters (PS3.5 6.2). */
const AE_TITLE_CHARACTERS = 16;

/** The name under which studies of a DICOMweb archive are shown, and by which rules know them. */
export function sourceNameOf(destination: string): string {
  return destination.slice(0, AE_TITLE_CHARACTERS);
}

/** Whether studies can be fetched from a destination by WADO-RS: one that answers no queries cannot be asked. */
export function isWebArchive({ kind, confirm }: Pick<Destination, 'kind' | 'confirm'>): boolean {
  return kind === 'dicomweb' && confirm !== 'none';
}

/** Limits of the multipart bodies that the receiver reads; null where it has none to read. */
export function stowLimits({ receive, destinations }: Pick<Config, 'receive' | 'destinations'>) {
  return receive.stow ?? (destinations.some(isWebArchive) ? DEFAULT_STOW_LIMITS : null);
}

/** Hands on what an archive answers to the receiver, which reads multipart bodies for STOW-RS too: nothing of it is parsed here. */
export function createWebDoor(door: () => StowDoor | null): WebDoor {
  return async ({ contentType, body, source, address, study }) => {
    const open = door();
    if (open === null) {
      body.destroy();
      throw new TriageError('receiver-died', 'The receiver does not listen yet; ask again in a moment.');
    }
    const handedOn = send({
      host: '127.0.0.1',
      port: open.port,
      method: 'POST',
      path: `/studies/${study.studyInstanceUid}`,
      headers: {
        'Content-Type': contentType,
        [STOW_HEADERS.secret]: open.secret,
        [STOW_HEADERS.source]: sourceNameOf(source),
        [STOW_HEADERS.address]: address,
        [STOW_HEADERS.patient]: encodeURIComponent(study.patientId ?? ''),
      },
    });
    try {
      return await taken(await answerTo(handedOn, body));
    } catch (error) {
      throw new TriageError('receiver-died', 'The receiver ended while a study came; ask for it again.', {
        cause: error,
      });
    } finally {
      body.destroy();
      handedOn.destroy();
    }
  };
}

/** Sends the body as it comes. A receiver that has answered reads no more; one that waits for a body that broke off is told that this was all. */
async function answerTo(handedOn: ClientRequest, body: FetchedBody['body']): Promise<IncomingMessage> {
  let isAnswered = false;
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    handedOn.once('response', (answer) => {
      isAnswered = true;
      resolve(answer);
    });
    handedOn.on('error', reject);
  });
  const pass = async (): Promise<IncomingMessage> => {
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (isAnswered) break;
        if (!handedOn.write(chunk)) await Promise.race([once(handedOn, 'drain'), answered]);
      }
    } catch {
      // Of the archive: what came before is stored, and its error stands in the body. Of the receiver: there is no answer.
    }
    handedOn.end();
    return answered;
  };
  return Promise.race([answered, pass()]);
}

async function taken(answer: IncomingMessage): Promise<TakenBody> {
  const count = (name: string): number => Number(answer.headers[name] ?? 0);
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  const isRead = answer.headers['content-type'] === 'application/dicom+json';
  const warning = /^299 odontoid "(.*)"$/.exec(answer.headers['warning']?.toString() ?? '')?.[1] ?? null;
  return {
    stored: count(STOW_HEADERS.stored),
    refused: count(STOW_HEADERS.refused),
    hasUnsupported: count(STOW_HEADERS.unsupported) > 0,
    fault: isRead ? null : faultOf(JSON.parse(text) as { error: string; message: string }),
    refusal: isRead ? warning : null,
  };
}

/** What is wrong with a body as a whole, by the code with which the receiver refused it: its own words are for a sender. */
function faultOf({ error, message }: { error: string; message: string }): string {
  if (error === 'object-too-large')
    return 'it has more parts or bytes than receive.stow takes (maxParts, maxRequestBytes)';
  if (error === 'protocol-violation') return 'it is no multipart body that ends with its closing boundary';
  return error === 'association-refused' ? 'too many studies are arriving at once' : message.replace(/\.$/, '');
}

const pathOf = (dataDir: string): string => join(dataDir, 'stow-door.json');

/** Leaves the door for commands of the same user, who can read the whole data folder anyway. Returns how it is taken away. */
export async function leaveStowDoor(dataDir: string, door: StowDoor): Promise<() => Promise<void>> {
  const path = pathOf(dataDir);
  await rm(path, { force: true });
  await writeFile(path, JSON.stringify(door), { mode: 0o600 });
  return () => rm(path, { force: true });
}

/** The door that the running agent has left; null when there is none. */
export function readStowDoor(dataDir: string): StowDoor | null {
  try {
    return JSON.parse(readFileSync(pathOf(dataDir), 'utf8')) as StowDoor;
  } catch {
    return null;
  }
}
