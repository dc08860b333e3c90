import { describe, expect, it } from 'vitest';
import type { AssociationRequest } from '../../../src/dimse/negotiation.ts';
import { createAssociationPolicy } from '../../../src/receive/associationPolicy.ts';
import { DEFAULT_RECEIVE_CONFIG, type AllowedSource } from '../../../src/receive/receiveConfig.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const RLE = '1.2.840.10008.1.2.5';
const MPEG2 = '1.2.840.10008.1.2.4.100';
const CT = '1.2.840.10008.5.1.4.1.1.2';

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
    expect(policy.judge(request(), address, 0)).toBeNull();
  });
  it('takes a title that stands in two entries from the addresses of both', () => {
    for (const address of ['192.0.2.7', '192.0.2.8'])
      expect(policy.judge(request({ callingAeTitle: 'CT1' }), address, 0)).toBeNull();
  });
  it.each(['127.0.0.2', '11.0.0.1', '192.0.2.7', '::1', 'fe80::1%eth0', '', 'localhost'])(
    'rejects PACS from %j as a calling AE title that is not recognized',
    (address) => {
      expect(policy.judge(request(), address, 0)).toMatchObject({ result: 1, source: 1, reason: 3 });
    },
  );
  it.each(['pacs', 'PACS2', ' PACS', ''])('rejects the calling AE title %j', (callingAeTitle) => {
    expect(policy.judge(request({ callingAeTitle }), '127.0.0.1', 0)).toMatchObject({
      result: 1,
      source: 1,
      reason: 3,
    });
  });
  it('rejects a called AE title that is not its own', () => {
    expect(policy.judge(request({ calledAeTitle: 'OTHER' }), '127.0.0.1', 0)).toMatchObject({
      result: 1,
      source: 1,
      reason: 7,
    });
  });
  it('rejects another application context and another protocol version', () => {
    expect(policy.judge(request({ applicationContextName: '1.2.3' }), '127.0.0.1', 0)).toMatchObject({
      result: 1,
      source: 1,
      reason: 2,
    });
    expect(policy.judge(request({ protocolVersion: 2 }), '127.0.0.1', 0)).toMatchObject({
      result: 1,
      source: 2,
      reason: 2,
    });
    expect(policy.judge(request({ protocolVersion: 3 }), '127.0.0.1', 0)).toBeNull();
  });
  it('rejects beyond the limit as transient, so that the sender comes again', () => {
    expect(policy.judge(request(), '127.0.0.1', 19)).toBeNull();
    expect(policy.judge(request(), '127.0.0.1', 20)).toMatchObject({ result: 2, source: 3, reason: 2 });
  });
  it('lets nobody in without sources', () => {
    expect(policyFor([]).judge(request(), '127.0.0.1', 0)).toMatchObject({ reason: 3 });
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

  it('takes the first proposed transfer syntax that is accepted', () => {
    expect(answer(CT, [MPEG2, RLE, EXPLICIT])).toEqual({
      id: 3,
      result: 0,
      abstractSyntaxUid: CT,
      transferSyntaxUid: RLE,
    });
    expect(answer(CT, [IMPLICIT, EXPLICIT])).toMatchObject({ transferSyntaxUid: IMPLICIT });
  });
  it('says which of the two is not supported', () => {
    expect(answer(CT, [MPEG2])).toMatchObject({ result: 4 });
    expect(answer('1.2.840.10008.5.1.4.1.1.4', [EXPLICIT])).toMatchObject({ result: 3 });
  });
  it('takes further SOP classes and other transfer syntaxes as configured', () => {
    const wider = policyFor([], {
      acceptedSopClasses: ['1.2.840.10008.5.1.4.1.1.4'],
      acceptedTransferSyntaxes: [MPEG2],
    });
    expect(answer('1.2.840.10008.5.1.4.1.1.4', [EXPLICIT, MPEG2], wider)).toMatchObject({
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
