import { describe, expect, it } from 'vitest';
import type { AssociationRequest } from '../../../src/dimse/negotiation.ts';
import { createAssociationPolicy } from '../../../src/receive/associationPolicy.ts';
import { DEFAULT_RECEIVE_CONFIG, type AllowedSource } from '../../../src/receive/receiveConfig.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const RLE = '1.2.840.10008.1.2.5';
const MPEG2 = '1.2.840.10008.1.2.4.100';
const CT = '1.2.840.10008.5.1.4.1.1.2';

const LOCAL = { address: '127.0.0.1', certificate: null };
const NONE_OPEN = new Map<string, number>();
const policyFor = (sources: AllowedSource[], more = {}) =>
  createAssociationPolicy({ ...DEFAULT_RECEIVE_CONFIG, sources, ...more });
const request = (changes: Partial<AssociationRequest> = {}): AssociationRequest => ({
  protocolVersion: 1,
  applicationContextName: '1.2.840.10008.3.1.1.1',
  callingAeTitle: 'PACS',
  calledAeTitle: 'ODONTOID',
  contexts: [],
  ...changes,
});

describe('who may open an association', () => {
  const policy = policyFor([
    { aeTitle: 'PACS', addresses: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] },
    { aeTitle: 'CT1', addresses: ['192.0.2.7'] },
    { aeTitle: 'CT1', addresses: ['192.0.2.8'] },
  ]);

  it.each(['127.0.0.1', '10.200.3.4', '::ffff:10.1.2.3', 'fd12:3456::1'])('takes PACS from %s', (address) => {
    expect(policy.judge(request(), { address, certificate: null }, NONE_OPEN)).toBeNull();
  });
  it('takes a title that stands in two entries from the addresses of both', () => {
    for (const address of ['192.0.2.7', '192.0.2.8'])
      expect(policy.judge(request({ callingAeTitle: 'CT1' }), { address, certificate: null }, NONE_OPEN)).toBeNull();
  });
  it.each(['127.0.0.2', '11.0.0.1', '192.0.2.7', '::1', 'fe80::1%eth0', '', 'localhost'])(
    'rejects PACS from %j as a calling AE title that is not recognized',
    (address) => {
      expect(policy.judge(request(), { address, certificate: null }, NONE_OPEN)).toMatchObject({
        result: 1,
        source: 1,
        reason: 3,
      });
    },
  );
  it.each(['pacs', 'PACS2', ' PACS', ''])('rejects the calling AE title %j', (callingAeTitle) => {
    expect(policy.judge(request({ callingAeTitle }), LOCAL, NONE_OPEN)).toMatchObject({
      result: 1,
      source: 1,
      reason: 3,
    });
  });
  it('takes every called AE title that it has', () => {
    const two = policyFor([{ aeTitle: 'PACS', addresses: ['127.0.0.1'] }], { otherAeTitles: ['NIGHT'] });
    expect(two.judge(request({ calledAeTitle: 'NIGHT' }), LOCAL, NONE_OPEN)).toBeNull();
    expect(two.judge(request(), LOCAL, NONE_OPEN)).toBeNull();
    expect(two.judge(request({ calledAeTitle: 'DAY' }), LOCAL, NONE_OPEN)).toMatchObject({ result: 1, reason: 7 });
  });
  it('rejects a called AE title that is not its own', () => {
    expect(policy.judge(request({ calledAeTitle: 'OTHER' }), LOCAL, NONE_OPEN)).toMatchObject({
      result: 1,
      source: 1,
      reason: 7,
    });
  });
  it('rejects another application context and another protocol version', () => {
    expect(policy.judge(request({ applicationContextName: '1.2.3' }), LOCAL, NONE_OPEN)).toMatchObject({
      result: 1,
      source: 1,
      reason: 2,
    });
    expect(policy.judge(request({ protocolVersion: 2 }), LOCAL, NONE_OPEN)).toMatchObject({
      result: 1,
      source: 2,
      reason: 2,
    });
    expect(policy.judge(request({ protocolVersion: 3 }), LOCAL, NONE_OPEN)).toBeNull();
  });
  it('rejects beyond the limit as transient, so that the sender comes again', () => {
    expect(
      policy.judge(
        request(),
        LOCAL,
        new Map([
          ['PACS', 18],
          ['CT1', 1],
        ]),
      ),
    ).toBeNull();
    expect(
      policy.judge(
        request(),
        LOCAL,
        new Map([
          ['PACS', 19],
          ['CT1', 1],
        ]),
      ),
    ).toMatchObject({
      result: 2,
      source: 3,
      reason: 2,
    });
  });
  it('keeps a place for each source that has none open, out of half of all at the most', () => {
    const three = policyFor(
      ['PACS', 'CT1', 'CT2'].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] })),
      { maxAssociations: 10 },
    );
    const judge = (callingAeTitle: string, open: Record<string, number>) =>
      three.judge(request({ callingAeTitle }), LOCAL, new Map(Object.entries(open)));
    expect(judge('PACS', { PACS: 7 })).toBeNull();
    expect(judge('PACS', { PACS: 8 })).toMatchObject({ result: 2, source: 3, reason: 2 });
    expect(judge('CT1', { PACS: 8 })).toBeNull();
    expect(judge('CT1', { PACS: 8, CT1: 1 })).toMatchObject({ reason: 2 });
    expect(judge('CT2', { PACS: 8, CT1: 1 })).toBeNull();
    expect(judge('PACS', { PACS: 7, CT1: 1, CT2: 1 })).toBeNull();
    expect(judge('CT2', { PACS: 9, CT1: 1 })).toMatchObject({ reason: 2 });
    const many = policyFor(
      Array.from({ length: 30 }, (_, index) => ({ aeTitle: `CT${index}`, addresses: ['127.0.0.1'] })),
      { maxAssociations: 10 },
    );
    expect(many.judge(request({ callingAeTitle: 'CT3' }), LOCAL, new Map([['CT3', 4]]))).toBeNull();
    expect(many.judge(request({ callingAeTitle: 'CT3' }), LOCAL, new Map([['CT3', 5]]))).not.toBeNull();
  });
  it.each([
    ['PACS', '127.0.0.1', false, null],
    ['CT1', '192.0.2.8', false, null],
    ['CT1', '127.0.0.1', true, 'the calling AE title may not come from this address'],
    ['PACS', '192.0.2.8', true, 'the calling AE title may not come from this address'],
    ['CT2', '127.0.0.1', true, 'the calling AE title is not among the sources'],
  ])('%s from %s is a stranger: %s', (callingAeTitle, address, isStranger, why) => {
    expect(policy.isStranger(callingAeTitle, address)).toBe(isStranger);
    const rejection = policy.judge(request({ callingAeTitle }), { address, certificate: null }, NONE_OPEN);
    expect(rejection?.why ?? null).toBe(why);
  });
  it.each([
    ['0.0.0.0/0', '203.0.113.9', '::1'],
    ['192.0.2.7/32', '192.0.2.7', '192.0.2.6'],
    ['fd00::1/128', 'fd00::1', 'fd00::2'],
  ])('takes the whole network %s, with %s and without %s', (network, inside, outside) => {
    const wide = policyFor([{ aeTitle: 'PACS', addresses: [network] }]);
    expect([wide.knows(inside), wide.knows(outside)]).toEqual([true, false]);
  });
  it('lets nobody in without sources', () => {
    expect(policyFor([]).judge(request(), LOCAL, NONE_OPEN)).toMatchObject({ result: 1, source: 1, reason: 3 });
    expect(policyFor([]).knows('127.0.0.1')).toBe(false);
    expect(policy.knows('10.9.9.9')).toBe(true);
  });
  it.each([
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0',
    'fd00::/129',
    '',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ])('refuses the address %j in the configuration', (address) => {
    expect(() => policyFor([{ aeTitle: 'A', addresses: [address] }])).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    );
  });
});

describe('presentation contexts', () => {
  const policy = policyFor([]);
  const answer = (abstractSyntaxUid: string, transferSyntaxUids: string[], with_ = policy) =>
    with_.answer([{ id: 3, abstractSyntaxUid, transferSyntaxUids }])[0];

  it('takes the proposed transfer syntax that is cheapest to decode, whatever the order', () => {
    const rising = [
      EXPLICIT,
      RLE,
      '1.2.840.10008.1.2.4.70', // JPEG Lossless
      '1.2.840.10008.1.2.4.201', // HTJ2K Lossless
      '1.2.840.10008.1.2.4.80', // JPEG-LS Lossless
      '1.2.840.10008.1.2.4.90', // JPEG 2000 Lossless
      '1.2.840.10008.1.2.4.81', // JPEG-LS Near-lossless: only where nothing keeps every bit
    ];
    for (const [index, cheapest] of rising.entries()) {
      const proposed = [MPEG2, ...rising.slice(index)];
      expect(answer(CT, proposed)).toEqual({
        id: 3,
        result: 0,
        abstractSyntaxUid: CT,
        transferSyntaxUid: cheapest,
      });
      expect(answer(CT, [...proposed].reverse())).toMatchObject({ transferSyntaxUid: cheapest });
    }
  });
  it('of two that cost the same takes the one that the sender prefers', () => {
    expect(answer(CT, [IMPLICIT, EXPLICIT])).toMatchObject({ transferSyntaxUid: IMPLICIT });
    expect(answer(CT, [EXPLICIT, IMPLICIT])).toMatchObject({ transferSyntaxUid: EXPLICIT });
  });
  it('says which of the two is not supported', () => {
    expect(answer(CT, [MPEG2])).toMatchObject({ result: 4 });
    expect(answer('1.3.12.2.1107.5.9.1', [EXPLICIT])).toMatchObject({ result: 3 });
    expect(answer('1.2.840.10008.1.20.1', [EXPLICIT])).toMatchObject({ result: 0 });
    expect(answer('1.2.840.10008.1.20.1', [MPEG2])).toMatchObject({ result: 4 });
    expect(answer('1.2.840.10008.3.1.2.3.3', [EXPLICIT])).toMatchObject({ result: 3 });
  });
  it.each([
    ['dose report', '1.2.840.10008.5.1.4.1.1.88.67'],
    ['presentation state', '1.2.840.10008.5.1.4.1.1.11.1'],
    ['key object selection', '1.2.840.10008.5.1.4.1.1.88.59'],
    ['encapsulated PDF', '1.2.840.10008.5.1.4.1.1.104.1'],
    ['raw data', '1.2.840.10008.5.1.4.1.1.66'],
    ['retired overlay', '1.2.840.10008.5.1.4.1.1.8'],
  ])('takes a %s', (_, uid) => expect(answer(uid, [IMPLICIT])).toMatchObject({ result: 0 }));
  it('keeps what is no CT in transfer syntaxes that it cannot decode, if their headers can be read', () => {
    const capture = '1.2.840.10008.5.1.4.1.1.7';
    const jpegBaseline = '1.2.840.10008.1.2.4.50';
    expect(answer(capture, [jpegBaseline])).toMatchObject({ result: 0, transferSyntaxUid: jpegBaseline });
    expect(answer(capture, [MPEG2, jpegBaseline, RLE])).toMatchObject({ transferSyntaxUid: RLE });
    expect(answer(CT, [jpegBaseline])).toMatchObject({ result: 4 });
    for (const uid of ['1.2.840.10008.1.2.4.94', '1.2.840.10008.1.2.6.2', '1.2.840.113619.5.2'])
      expect(answer(capture, [uid])).toMatchObject({ result: 4 });
  });
  it('takes private SOP classes and other transfer syntaxes as configured', () => {
    const wider = policyFor([], {
      acceptedSopClasses: ['1.3.12.2.1107.5.9.1'],
      acceptedTransferSyntaxes: [MPEG2],
    });
    expect(answer('1.3.12.2.1107.5.9.1', [EXPLICIT, MPEG2], wider)).toMatchObject({
      result: 0,
      transferSyntaxUid: MPEG2,
    });
    expect(answer(CT, [EXPLICIT], wider)).toMatchObject({ result: 4 });
  });
  it('verifies in the uncompressed transfer syntaxes only', () => {
    expect(answer('1.2.840.10008.1.1', [RLE, IMPLICIT])).toMatchObject({ result: 0, transferSyntaxUid: IMPLICIT });
    expect(answer('1.2.840.10008.1.1', [RLE])).toMatchObject({ result: 4 });
  });
});

describe('certificates pinned to AE titles', () => {
  const print = (pair: string): string => Array.from({ length: 32 }, () => pair).join(':');
  const certificate = (pair: string, ...names: string[]) => ({ fingerprint256: print(pair), names });
  const policy = policyFor([
    { aeTitle: 'CT1', addresses: ['127.0.0.1'], certificates: [print('a1')] },
    { aeTitle: 'CT2', addresses: ['127.0.0.1'], certificates: [print('B2'), 'ct2.example'] },
    { aeTitle: 'OPEN', addresses: ['127.0.0.1'] },
    { aeTitle: 'MOVED', addresses: ['10.0.0.1'], certificates: [print('C3')] },
    { aeTitle: 'MOVED', addresses: ['127.0.0.1'] },
  ]);
  const judge = (callingAeTitle: string, shown: ReturnType<typeof certificate> | null) =>
    policy.judge(request({ callingAeTitle }), { address: '127.0.0.1', certificate: shown }, NONE_OPEN);

  it.each([
    ['CT1', certificate('A1', 'any'), 'taken'],
    ['CT2', certificate('D4', 'gone', 'CT2.example'), 'taken'],
    ['CT2', certificate('B2', 'other'), 'taken'],
    ['OPEN', null, 'taken'],
    ['OPEN', certificate('E5', 'x'), 'taken'],
    ['MOVED', null, 'taken'],
    ['CT1', null, 'the calling AE title must show its certificate, by TLS'],
    ['CT1', certificate('E5', 'ct1'), 'the certificate is not that of the calling AE title'],
    ['CT1', certificate('B2', 'ct2.example'), 'the certificate is that of another calling AE title'],
    ['OPEN', certificate('A1', 'x'), 'the certificate is that of another calling AE title'],
    ['MOVED', certificate('C3', 'x'), 'the certificate is that of another calling AE title'],
    ['CT2', certificate('E5', 'ct2.example.evil'), 'the certificate is not that of the calling AE title'],
  ] as const)('%s with %j: %s', (title, shown, verdict) => {
    // Rejected for good, by the service user, as a calling AE title that is not recognized (PS3.8 9.3.4).
    const rejection = { result: 1, source: 1, reason: 3, why: verdict };
    expect(judge(title, shown)).toEqual(verdict === 'taken' ? null : rejection);
  });
});
