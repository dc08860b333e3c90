import XmlBuilder from 'fast-xml-builder';
import type { ActiveParticipant, AuditMessage, AuditSource, Code, ParticipantObject } from './auditMessage.ts';

const builder = new XmlBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

/** Application server process (A.5.1.2.1). */
const SOURCE_TYPE = '4';
const ACCESS_POINT = { name: '1', ip: '2', uri: '5' } as const;

/** A message as XML on one line, by the schema of PS3.15 A.5.1. */
export function auditXml(message: AuditMessage, source: AuditSource): string {
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    AuditMessage: {
      EventIdentification: {
        '@EventActionCode': message.action,
        '@EventDateTime': new Date(message.atMs).toISOString(),
        '@EventOutcomeIndicator': message.outcome,
        EventID: coded(message.eventId),
        EventTypeCode: message.eventTypes.map(coded),
        ...(message.outcomeDescription !== undefined && { EventOutcomeDescription: clean(message.outcomeDescription) }),
      },
      ActiveParticipant: message.participants.map(participant),
      AuditSourceIdentification: {
        ...(source.siteId !== '' && { '@AuditEnterpriseSiteID': clean(source.siteId) }),
        '@AuditSourceID': clean(source.id),
        AuditSourceTypeCode: { '@csd-code': SOURCE_TYPE },
      },
      ParticipantObjectIdentification: message.objects.map(object),
    },
  });
}

function coded({ code, scheme, meaning }: Code) {
  return { '@csd-code': code, '@codeSystemName': scheme, '@originalText': meaning };
}

function participant({
  userId,
  alternativeUserId,
  userName,
  isRequestor,
  role,
  networkAccessPoint,
}: ActiveParticipant) {
  return {
    '@UserID': clean(userId),
    ...(alternativeUserId !== undefined && { '@AlternativeUserID': clean(alternativeUserId) }),
    ...(userName !== undefined && { '@UserName': clean(userName) }),
    '@UserIsRequestor': String(isRequestor),
    ...(networkAccessPoint !== undefined && {
      '@NetworkAccessPointID': clean(networkAccessPoint.id),
      '@NetworkAccessPointTypeCode': ACCESS_POINT[networkAccessPoint.kind],
    }),
    ...(role !== undefined && { RoleIDCode: coded(role) }),
  };
}

function object({ type, role, idType, id, name, details = {}, instances }: ParticipantObject) {
  return {
    '@ParticipantObjectID': clean(id),
    '@ParticipantObjectTypeCode': type,
    '@ParticipantObjectTypeCodeRole': role,
    ParticipantObjectIDTypeCode: coded(idType),
    // The schema requires it, even when empty.
    ParticipantObjectName: clean(name),
    ParticipantObjectDetail: Object.entries(details).map(([key, value]) => ({
      '@type': key,
      '@value': Buffer.from(value).toString('base64'),
    })),
    ...(instances !== undefined && {
      ParticipantObjectDescription: { SOPClass: { '@NumberOfInstances': String(instances) } },
    }),
  };
}

/** Replaces characters that XML 1.0 cannot represent, and line breaks, which are not safe in every syslog implementation. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '?');
}
