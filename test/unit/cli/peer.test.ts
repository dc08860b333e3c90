import { describe, expect, it } from 'vitest';
import { parsePeer } from '../../../src/cli/peer.ts';
import { TriageError } from '../../../src/base/errors.ts';

describe('AE@host:port', () => {
  it.each([
    ['ORTHANC@127.0.0.1:4242', { aeTitle: 'ORTHANC', host: '127.0.0.1', port: 4242 }],
    ['MY PACS@pacs.example.org:104', { aeTitle: 'MY PACS', host: 'pacs.example.org', port: 104 }],
    ['A@[::1]:11112', { aeTitle: 'A', host: '::1', port: 11112 }],
  ])('%s', (text, peer) => expect(parsePeer(text)).toEqual(peer));

  it.each(['', 'ORTHANC', '127.0.0.1:4242', 'A@h', 'A@h:0', 'A@h:70000', '@h:1', 'SEVENTEENLETTERSX@h:1'])(
    'refuses %j',
    (text) => expect(() => parsePeer(text)).toThrow(TriageError),
  );
});
