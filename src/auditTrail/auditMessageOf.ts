import { isIP } from 'node:net';
import type { AuditAction } from '../worklist/audit/audit.ts';
import type { OutgoingEntry } from '../worklist/audit/auditOutbox.ts';
import { dcm, type ActiveParticipant, type AuditMessage, type Code, type ParticipantObject } from './auditMessage.ts';

/** How messages identify this system and the destinations of results. */
export interface AuditNaming {
  /** AE title of the receiver, which is also used to send results. */
  aeTitle: string;
  /** Name of this machine, where its own processes run. */
  hostName: string;
  /** Accounts are `name@domain` (A.5.2.1). */
  domain: string;
  destinations: readonly { name: string; aeTitle: string | null; host: string }[];
  /** Patients' names are sent only where the site has chosen so. */
  patientNames: boolean;
}

type Described = Pick<AuditMessage, 'eventId' | 'action' | 'participants' | 'objects'> &
  Partial<Pick<AuditMessage, 'outcome' | 'eventTypes' | 'outcomeDescription'>>;
type Describe = (entry: OutgoingEntry, naming: AuditNaming) => Described;

const APPLICATION = dcm('110150', 'Application');
const SOURCE = dcm('110153', 'Source Role ID');
const DESTINATION = dcm('110152', 'Destination Role ID');
const STUDY_UID = dcm('110180', 'Study Instance UID');
const NODE_ID = dcm('110182', 'Node ID');
const PATIENT_NUMBER: Code = { code: '2', scheme: 'RFC-3881', meaning: 'Patient Number' };
const URI: Code = { code: '12', scheme: 'RFC-3881', meaning: 'URI' };
const LOGIN = dcm('110122', 'Login');
const LOGOUT = dcm('110123', 'Logout');
const NODE_AUTHENTICATION = dcm('110126', 'Node Authentication');
const SOFTWARE_CONFIGURATION = dcm('110131', 'Software Configuration');
const RESTRICTED_FUNCTION = dcm('110132', 'Use of Restricted Function');
const SECURITY_ROLES = dcm('110136', 'Security Roles Changed');
const USER_SECURITY = dcm('110137', 'User Security Attributes Changed');

/** Maps each action of the audit to one of the messages of PS3.15 A.5.3. */
const MESSAGES: Readonly<Record<AuditAction, Describe>> = {
  'agent.started': (_entry, naming) => applicationActivity(dcm('110120', 'Application Start'), naming),
  'agent.stopped': (_entry, naming) => applicationActivity(dcm('110121', 'Application Stop'), naming),
  'sign-in': userAuthentication(LOGIN, '0'),
  'sign-in.confirmed': userAuthentication(LOGIN, '0'),
  'sign-in.failed': userAuthentication(LOGIN, '4'),
  'wall.opened': userAuthentication(LOGIN, '0'),
  'sign-out': userAuthentication(LOGOUT, '0'),
  'access.denied': securityAlert(RESTRICTED_FUNCTION, 'A request was refused', '4'),
  'password.changed': securityAlert(USER_SECURITY, 'A password was changed'),
  'user.added': securityAlert(USER_SECURITY, 'An account was added'),
  'user.role-changed': securityAlert(SECURITY_ROLES, 'The role of an account was changed'),
  'user.disabled': securityAlert(USER_SECURITY, 'An account was disabled'),
  'user.enabled': securityAlert(USER_SECURITY, 'An account was enabled'),
  'user.reset': securityAlert(USER_SECURITY, 'The password of an account was reset'),
  'token.added': securityAlert(USER_SECURITY, 'A token of a machine was made'),
  'token.revoked': securityAlert(USER_SECURITY, 'A token of a machine was revoked'),
  'wall.added': securityAlert(USER_SECURITY, 'A link for a screen on a wall was made'),
  'wall.revoked': securityAlert(USER_SECURITY, 'A screen on a wall was revoked'),
  'threshold.requested': securityAlert(SOFTWARE_CONFIGURATION, 'A change of a threshold was requested'),
  'threshold.signed': securityAlert(
    SOFTWARE_CONFIGURATION,
    'A change of a threshold was signed, and awaits a second person',
  ),
  'threshold.requestClosed': securityAlert(SOFTWARE_CONFIGURATION, 'A request to change a threshold was closed'),
  'threshold.changed': securityAlert(SOFTWARE_CONFIGURATION, 'A threshold was changed'),
  'model.activated': securityAlert(SOFTWARE_CONFIGURATION, 'A network was chosen'),
  'model.validated': securityAlert(SOFTWARE_CONFIGURATION, 'A network was measured on cases of the site'),
  'model.recalibrated': securityAlert(
    SOFTWARE_CONFIGURATION,
    'A network’s probabilities were fitted to the verdicts of the site',
  ),
  'model.installed': securityAlert(SOFTWARE_CONFIGURATION, 'A network was installed; it judges nothing yet'),
  'model.removed': securityAlert(SOFTWARE_CONFIGURATION, 'A network that judged nothing was removed'),
  'selection.changed': securityAlert(SOFTWARE_CONFIGURATION, 'The selection rules have changed'),
  'setting.changed': securityAlert(SOFTWARE_CONFIGURATION, 'A setting was changed on the page'),
  'names.shown': securityAlert(RESTRICTED_FUNCTION, 'The names of patients were shown in the worklist'),
  'case.viewed': instancesAccessed,
  'case.previewed': instancesAccessed,
  'case.fetched': instancesAccessed,
  'case.read': procedureRecord,
  'case.unread': procedureRecord,
  'case.stat': procedureRecord,
  'case.notStat': procedureRecord,
  'case.claimed': procedureRecord,
  'case.released': procedureRecord,
  'case.bellStopped': procedureRecord,
  'case.verdict': procedureRecord,
  'case.reprocessed': procedureRecord,
  'case.resent': procedureRecord,
  'case.quarantineReleased': procedureRecord,
  'case.leftAsIs': procedureRecord,
  'proof.requested': securityAlert(RESTRICTED_FUNCTION, 'A synthetic study was sent through the system'),
  'peer.echoed': securityAlert(RESTRICTED_FUNCTION, 'A peer was asked for an echo'),
  'pull.requested': securityAlert(RESTRICTED_FUNCTION, 'An archive was asked for studies'),
  'pull.ended': securityAlert(RESTRICTED_FUNCTION, 'A study was fetched from an archive'),
  'routing.tested': securityAlert(RESTRICTED_FUNCTION, 'The routing of a file was tested'),
  'audit.exported': auditLogUsed,
  'audit.broken': securityAlert(RESTRICTED_FUNCTION, 'The audit log is not as it was written', '12'),
  'association.rejected': turnedAway('An association was rejected'),
  'association.aborted': turnedAway('An association ended without a release'),
  'connection.dropped': turnedAway('A connection was closed because too many were open'),
  'tls.refused': turnedAway('A TLS connection was refused'),
  'context.refused': turnedAway('A presentation context was refused'),
  'object.refused': turnedAway('An object was answered with a failure'),
  'commitment.refused': turnedAway('A request for Storage Commitment was refused, or its report not taken'),
  'study.received': (entry, naming) => ({
    eventId: dcm('110104', 'DICOM Instances Transferred'),
    // The receiver had no instance of the study, or had some and these are added.
    action: entry.detail['more'] === true ? 'U' : 'C',
    participants: [
      { userId: entry.actor, alternativeUserId: `AETITLES=${entry.actor}`, isRequestor: true, role: SOURCE },
      { ...thisProcess(naming, false), role: DESTINATION },
    ],
    objects: studyAndPatient(entry, naming, instancesOf(entry)),
  }),
  'results.sent': (entry, naming) => resultsTransferred(entry, naming, '0'),
  'results.refused': (entry, naming) => resultsTransferred(entry, naming, '8'),
  'study.removed': studyDeleted,
  'study.filesRemoved': studyDeleted,
};

/** An entry of the audit as a DICOM Audit Message. Every entry has one, so that the sequence numbers in the repository have no gaps. */
export function auditMessageOf(entry: OutgoingEntry, naming: AuditNaming): AuditMessage {
  const describe =
    (MESSAGES as Readonly<Record<string, Describe | undefined>>)[entry.action] ??
    securityAlert(RESTRICTED_FUNCTION, 'Another entry of the audit');
  const { outcome = '0', eventTypes = [], ...message } = describe(entry, naming);
  // Our own code comes last: it leads from the repository back to the audit.
  return {
    ...message,
    outcome,
    atMs: entry.atMs,
    eventTypes: [...eventTypes, { code: entry.action, scheme: '99ODONTOID', meaning: entry.action }],
  };
}

function applicationActivity(type: Code, naming: AuditNaming): Described {
  return {
    eventId: dcm('110100', 'Application Activity'),
    action: 'E',
    eventTypes: [type],
    participants: [{ ...thisProcess(naming, false), role: APPLICATION }],
    objects: [],
  };
}

function userAuthentication(type: Code, outcome: AuditMessage['outcome']): Describe {
  return (entry, naming) => ({
    eventId: dcm('110114', 'User Authentication'),
    action: 'E',
    outcome,
    eventTypes: [type],
    ...(typeof entry.detail['why'] === 'string' && { outcomeDescription: entry.detail['why'] }),
    participants: [actor(entry, naming, true), thisProcess(naming, false)],
    objects: [],
  });
}

/** Also used for changes of security settings: the event is informative where all is well (A.5.3.11). */
function securityAlert(type: Code, description: string, outcome: AuditMessage['outcome'] = '0'): Describe {
  return (entry, naming) => ({
    eventId: dcm('110113', 'Security Alert'),
    action: 'E',
    outcome,
    eventTypes: [type],
    participants: [thisProcess(naming, false), ...(entry.actor === 'odontoid' ? [] : [actor(entry, naming, false)])],
    objects: [
      {
        type: '2',
        role: type === SOFTWARE_CONFIGURATION ? '5' : '13',
        idType: URI,
        id: resourceOf(entry),
        name: entry.target,
        details: { 'Alert Description': description, ...detailOf(entry) },
      },
    ],
  });
}

function instancesAccessed(entry: OutgoingEntry, naming: AuditNaming): Described {
  return {
    eventId: dcm('110103', 'DICOM Instances Accessed'),
    action: 'R',
    participants: [actor(entry, naming, true), thisProcess(naming, false)],
    objects: studyAndPatient(entry, naming),
  };
}

/** Actions of readers on a case of the worklist. */
function procedureRecord(entry: OutgoingEntry, naming: AuditNaming): Described {
  return {
    eventId: dcm('110111', 'Procedure Record'),
    action: 'U',
    participants: [actor(entry, naming, true), thisProcess(naming, false)],
    objects: studyAndPatient(entry, naming),
  };
}

function auditLogUsed(entry: OutgoingEntry, naming: AuditNaming): Described {
  return {
    eventId: dcm('110101', 'Audit Log Used'),
    action: 'R',
    participants: [actor(entry, naming, true), thisProcess(naming, false)],
    objects: [{ type: '2', role: '13', idType: URI, id: 'urn:odontoid:audit', name: 'Security Audit Log' }],
  };
}

function resultsTransferred(entry: OutgoingEntry, naming: AuditNaming, outcome: AuditMessage['outcome']): Described {
  const name = String(entry.detail['destination']);
  const known = naming.destinations.find((destination) => destination.name === name);
  return {
    eventId: dcm('110104', 'DICOM Instances Transferred'),
    // The sender does not know whether the destination already had them (A.5.3.7).
    action: 'R',
    outcome,
    participants: [
      { ...thisProcess(naming, true), role: SOURCE },
      {
        userId: name,
        ...(known?.aeTitle != null && { alternativeUserId: `AETITLES=${known.aeTitle}` }),
        isRequestor: false,
        role: DESTINATION,
        ...(known !== undefined && {
          networkAccessPoint: { kind: isIP(known.host) > 0 ? 'ip' : 'name', id: known.host } as const,
        }),
      },
    ],
    objects: studyAndPatient(entry, naming, instancesOf(entry)),
  };
}

function studyDeleted(entry: OutgoingEntry, naming: AuditNaming): Described {
  return {
    eventId: dcm('110105', 'DICOM Study Deleted'),
    action: 'D',
    participants: [thisProcess(naming, true)],
    objects: studyAndPatient(entry, naming),
  };
}

/** The agent itself, identified by its AE title and machine. */
function thisProcess({ aeTitle, hostName }: AuditNaming, isRequestor: boolean): ActiveParticipant {
  return {
    userId: `odontoid@${hostName}`,
    alternativeUserId: `AETITLES=${aeTitle}`,
    userName: 'Odontoid',
    isRequestor,
    networkAccessPoint: { kind: 'name', id: hostName },
  };
}

/** The actor of an entry. Tokens, screens, the command line and users without sign-in are not accounts. */
function actor(
  { actor: name, address }: OutgoingEntry,
  { hostName, domain }: AuditNaming,
  isRequestor: boolean,
): ActiveParticipant {
  const isAccount = !name.includes(':') && !['web', 'command-line', 'odontoid', 'unknown'].includes(name);
  return {
    userId: isAccount ? `${name}@${domain}` : name,
    ...(isAccount && { userName: name }),
    isRequestor,
    networkAccessPoint: isIP(address) > 0 ? { kind: 'ip', id: address } : { kind: 'name', id: hostName },
  };
}

function studyAndPatient(entry: OutgoingEntry, { patientNames }: AuditNaming, instances?: number): ParticipantObject[] {
  return [
    {
      type: '2',
      role: '3',
      idType: STUDY_UID,
      id: entry.target,
      name: '',
      details: detailOf(entry),
      ...(instances !== undefined && { instances }),
    },
    {
      type: '1',
      role: '1',
      idType: PATIENT_NUMBER,
      id: entry.patient?.patientId ?? '',
      name: patientNames ? (entry.patient?.patientName ?? '') : '',
    },
  ];
}

const instancesOf = ({ detail }: OutgoingEntry): number | undefined =>
  Number.isInteger(detail['objects']) ? Number(detail['objects']) : undefined;

/** Further details of the audit entry, unchanged. */
function detailOf({ detail }: OutgoingEntry): Record<string, string> {
  return Object.keys(detail).length === 0 ? {} : { Detail: JSON.stringify(detail) };
}

/** A threshold, a model, an account as a URI: `urn:odontoid:threshold:compact`. */
function resourceOf({ action, target }: OutgoingEntry): string {
  const kind = action.split('.')[0]!;
  // Half of a surrogate pair cannot be encoded in a URI.
  return `urn:odontoid:${kind}${target === '' ? '' : `:${encodeURIComponent(target.replace(/\p{Cs}/gu, '?'))}`}`;
}

/** A request of a peer that was refused. */
function turnedAway(description: string): Describe {
  return (entry, naming) => {
    const node = { kind: isIP(entry.address) > 0 ? 'ip' : 'name', id: entry.address } as const;
    const subject: ParticipantObject = {
      type: '2',
      role: '13',
      idType: NODE_ID,
      id: entry.address,
      name: entry.actor,
      details: { 'Alert Description': description, ...detailOf(entry) },
    };
    return {
      eventId: dcm('110113', 'Security Alert'),
      action: 'E',
      outcome: '4',
      eventTypes: [NODE_AUTHENTICATION],
      participants: [
        thisProcess(naming, false),
        {
          userId: entry.actor,
          alternativeUserId: `AETITLES=${entry.actor}`,
          isRequestor: false,
          ...(entry.address !== '' && { networkAccessPoint: node }),
        },
      ],
      objects: [subject],
    };
  };
}
