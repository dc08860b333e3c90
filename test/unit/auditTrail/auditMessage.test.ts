import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditMessageOf, type AuditNaming } from '../../../src/auditTrail/auditMessageOf.ts';
import { auditXml } from '../../../src/auditTrail/auditXml.ts';
import { syslogMessage } from '../../../src/auditTrail/syslogMessage.ts';
import { AUDIT_ACTIONS } from '../../../src/worklist/audit/audit.ts';
import type { OutgoingEntry } from '../../../src/worklist/audit/auditOutbox.ts';
import { complaintsOfSchema } from './auditSchema.ts';

const AT_MS = Date.UTC(2026, 10, 28, 19, 0, 0, 5);
const NAMING: AuditNaming = {
  aeTitle: 'ODONTOID',
  hostName: 'triage-1',
  domain: 'odontoid.example',
  destinations: [
    { name: 'pacs', aeTitle: 'PACS', host: '10.0.0.5' },
    { name: 'web', aeTitle: null, host: 'dicom.example' },
  ],
  patientNames: false,
};
const SOURCE = { id: 'ODONTOID', siteId: 'st-elsewhere' };

function entry(over: Partial<OutgoingEntry>): OutgoingEntry {
  return {
    seq: 7,
    atMs: AT_MS,
    action: 'case.viewed',
    actor: 'ann',
    address: '10.1.2.3',
    target: '2.25.1',
    detail: {},
    hash: '',
    patient: { patientId: 'P-1', patientName: 'Canary^Jane' },
    ...over,
  };
}

/** Words that could end an attribute, an element or a line, or that XML cannot write. */
const HOSTILE = `"><AuditMessage/>&amp;]]>'\r\n\t\u0000\u001b\u007f\u0085\u2028\uFFFF\uD800<!-- %x; 😀 Ż`;

test('every word of the audit becomes a message that is valid by the schema, whatever stands in its fields', async () => {
  const naming = { ...NAMING, patientNames: true };
  const documents = AUDIT_ACTIONS.flatMap((action) =>
    [
      entry({ action, detail: { objects: 4, destination: 'pacs', revision: 2, why: 'no', more: true } }),
      entry({ action, actor: '', address: '', target: '', patient: null }),
      entry({
        action,
        actor: HOSTILE,
        address: HOSTILE,
        target: HOSTILE,
        detail: { why: HOSTILE, destination: HOSTILE, objects: 1 },
        patient: { patientId: HOSTILE, patientName: HOSTILE },
      }),
    ].map((one) => auditXml(auditMessageOf(one, naming), { id: HOSTILE, siteId: HOSTILE })),
  );
  expect(documents).toHaveLength(AUDIT_ACTIONS.length * 3);
  for (const document of documents) expect(document).not.toMatch(/[\r\n]/);
  expect(await complaintsOfSchema(documents)).toEqual([]);
});

test('the schema finds what is wrong', async () => {
  const good = auditXml(auditMessageOf(entry({}), NAMING), SOURCE);
  const complaints = await complaintsOfSchema([
    good.replace('EventActionCode="R"', 'EventActionCode="X"'),
    good.replace(/<ParticipantObjectName.*?>/, ''),
    good.replace(/ UserIsRequestor="true"/, ''),
    good,
  ]);
  expect(complaints.length).toBeGreaterThanOrEqual(3);
  expect(complaints.some((line) => line.includes('3.xml'))).toBe(false);
});

test('what XML cannot write is replaced, and nothing gets out of its attribute', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 300, maxLength: 300 }),
      async (values) => {
        const documents = values.map((value) =>
          auditXml(
            auditMessageOf(entry({ actor: value, patient: { patientId: value, patientName: value } }), {
              ...NAMING,
              patientNames: true,
            }),
            SOURCE,
          ),
        );
        expect(await complaintsOfSchema(documents)).toEqual([]);
        for (const document of documents) expect(document.match(/<ActiveParticipant /g)).toHaveLength(2);
      },
    ),
    // One start of Jing for all of them, which names the document: to look for a shorter one takes a start each.
    { numRuns: 1, endOnFailure: true },
  );
});

test('messages are those of PS3.15 A.5.3: their codes, participants and objects', () => {
  const kinds = (over: Partial<OutgoingEntry>) => {
    const { eventId, action, outcome, eventTypes, participants, objects } = auditMessageOf(entry(over), NAMING);
    return {
      event: `${eventId.code} ${action} ${outcome}`,
      types: eventTypes.map(({ code }) => code),
      who: participants.map(({ userId, isRequestor, role }) => `${userId} ${isRequestor} ${role?.code ?? ''}`.trim()),
      objects: objects.map(({ role, idType, id }) => `${role} ${idType.code} ${id}`),
    };
  };
  const SELF = 'odontoid@triage-1';
  const STUDY = ['3 110180 2.25.1', '1 2 P-1'];
  expect(kinds({ action: 'agent.started', actor: 'odontoid', address: '' })).toEqual({
    event: '110100 E 0',
    types: ['110120', 'agent.started'],
    who: [`${SELF} false 110150`],
    objects: [],
  });
  expect(kinds({ action: 'sign-in' })).toEqual({
    event: '110114 E 0',
    types: ['110122', 'sign-in'],
    who: ['ann@odontoid.example true', `${SELF} false`],
    objects: [],
  });
  expect(kinds({ action: 'sign-in.failed', actor: 'unknown' })).toMatchObject({
    event: '110114 E 4',
    who: ['unknown true', `${SELF} false`],
  });
  expect(kinds({ action: 'sign-out' })).toMatchObject({ event: '110114 E 0', types: ['110123', 'sign-out'] });
  expect(kinds({ action: 'case.viewed' })).toEqual({
    event: '110103 R 0',
    types: ['case.viewed'],
    who: ['ann@odontoid.example true', `${SELF} false`],
    objects: STUDY,
  });
  expect(kinds({ action: 'case.fetched', actor: 'token:monitor' })).toMatchObject({
    event: '110103 R 0',
    who: ['token:monitor true', `${SELF} false`],
  });
  expect(kinds({ action: 'case.read' })).toMatchObject({ event: '110111 U 0', objects: STUDY });
  expect(kinds({ action: 'study.received', actor: 'CT1', detail: { objects: 120, more: false } })).toEqual({
    event: '110104 C 0',
    types: ['study.received'],
    who: ['CT1 true 110153', `${SELF} false 110152`],
    objects: STUDY,
  });
  expect(kinds({ action: 'study.received', actor: 'CT1', detail: { objects: 130, more: true } })).toMatchObject({
    event: '110104 U 0',
  });
  expect(kinds({ action: 'results.sent', actor: 'odontoid', detail: { destination: 'pacs', objects: 4 } })).toEqual({
    event: '110104 R 0',
    types: ['results.sent'],
    who: [`${SELF} true 110153`, 'pacs false 110152'],
    objects: STUDY,
  });
  expect(
    kinds({ action: 'results.refused', actor: 'odontoid', detail: { destination: 'gone', objects: 1 } }),
  ).toMatchObject({ event: '110104 R 8' });
  expect(kinds({ action: 'study.removed', actor: 'odontoid', address: '' })).toEqual({
    event: '110105 D 0',
    types: ['study.removed'],
    who: [`${SELF} true`],
    objects: STUDY,
  });
  expect(kinds({ action: 'audit.exported', target: '' })).toEqual({
    event: '110101 R 0',
    types: ['audit.exported'],
    who: ['ann@odontoid.example true', `${SELF} false`],
    objects: ['13 12 urn:odontoid:audit'],
  });
  expect(
    kinds({
      action: 'association.rejected',
      actor: 'ROGUE',
      address: '10.9.9.9',
      target: '',
      detail: { why: 'calling AE title not recognised', count: 3 },
    }),
  ).toEqual({
    event: '110113 E 4',
    types: ['110126', 'association.rejected'],
    who: [`${SELF} false`, 'ROGUE false'],
    objects: ['13 110182 10.9.9.9'],
  });
  expect(kinds({ action: 'threshold.changed', target: 'compact' })).toEqual({
    event: '110113 E 0',
    types: ['110131', 'threshold.changed'],
    who: [`${SELF} false`, 'ann@odontoid.example false'],
    objects: ['5 12 urn:odontoid:threshold:compact'],
  });
  expect(kinds({ action: 'user.role-changed', target: 'ben' })).toMatchObject({
    event: '110113 E 0',
    types: ['110136', 'user.role-changed'],
    objects: ['13 12 urn:odontoid:user:ben'],
  });
  expect(kinds({ action: 'audit.broken', actor: 'odontoid', target: 'entry 12' })).toMatchObject({
    event: '110113 E 12',
    who: [`${SELF} false`],
  });
  // A word of another version is told of all the same.
  expect(kinds({ action: 'not.known' })).toMatchObject({ event: '110113 E 0', types: ['110132', 'not.known'] });
});

test('for every word: at most one requestor, one of each role in a transfer, one patient, and an alert says of what', () => {
  for (const action of AUDIT_ACTIONS) {
    const { eventId, participants, objects } = auditMessageOf(
      entry({ action, detail: { destination: 'pacs', objects: 1 } }),
      NAMING,
    );
    expect(participants.filter(({ isRequestor }) => isRequestor).length, action).toBeLessThanOrEqual(1);
    expect(participants.length, action).toBeGreaterThanOrEqual(1);
    const roles = participants.map(({ role }) => role?.code);
    if (eventId.code === '110104') expect(roles.sort(), action).toEqual(['110152', '110153']);
    if (['110103', '110104', '110105', '110111'].includes(eventId.code))
      expect(
        objects.map(({ role }) => role),
        action,
      ).toEqual(['3', '1']);
    if (eventId.code === '110113')
      expect(Object.keys(objects[0]?.details ?? {}), action).toContain('Alert Description');
    if (eventId.code === '110114') expect(participants[0]?.networkAccessPoint, action).toBeDefined();
  }
});

test('a patient is an ID; the name comes where the site wants it', () => {
  const named = (patientNames: boolean) => auditXml(auditMessageOf(entry({}), { ...NAMING, patientNames }), SOURCE);
  expect(named(false)).toContain('ParticipantObjectID="P-1"');
  expect(named(false)).not.toContain('Canary');
  expect(named(true)).toContain('<ParticipantObjectName>Canary^Jane</ParticipantObjectName>');
});

test('the syslog header is that of RFC 5424, the same for the same entry', () => {
  const message = syslogMessage({ atMs: AT_MS, hostName: 'triage 1\nżx', sequenceId: 7 }, '<AuditMessage/>');
  expect(message.toString()).toBe(
    '<85>1 2026-11-28T19:00:00.005Z triage1x odontoid - DICOM+RFC3881 [meta sequenceId="7"] \uFEFF<AuditMessage/>',
  );
  expect(syslogMessage({ atMs: AT_MS, hostName: '', sequenceId: 7 }, 'x').toString()).toContain('Z - odontoid');
});
