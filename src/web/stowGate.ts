import type { IncomingMessage, ServerResponse } from 'node:http';

/** Hands a STOW-RS request on to the receiver, unread, and its answer back. Resolves when the answer is sent or the sender is gone. */
export type StowGate = (
  request: IncomingMessage,
  response: ServerResponse,
  sender: {
    /** AE title under which its studies are shown. */
    aeTitle: string;
    address: string;
    studyInstanceUid: string | null;
  },
) => Promise<void>;
