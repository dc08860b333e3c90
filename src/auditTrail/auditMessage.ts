/** A code of PS3.16, or of ours. */
export interface Code {
  code: string;
  scheme: string;
  meaning: string;
}

/** DICOM's own codes. */
export const dcm = (code: string, meaning: string): Code => ({ code, scheme: 'DCM', meaning });

/** Who took part: a person, a process or a node (PS3.15 Table A.5.2-1). */
export interface ActiveParticipant {
  userId: string;
  /** For DICOM applications `AETITLES=title` (A.5.2.2). */
  alternativeUserId?: string;
  userName?: string;
  isRequestor: boolean;
  role?: Code;
  networkAccessPoint?: { kind: 'name' | 'ip' | 'uri'; id: string };
}

/** What the action was done to. */
export interface ParticipantObject {
  /** 1 person, 2 system object. */
  type: '1' | '2';
  /** 1 patient, 3 report, 5 master file, 13 security resource. */
  role: '1' | '3' | '5' | '13';
  idType: Code;
  id: string;
  name: string;
  /** Values of any content: they are sent as base64. */
  details?: Readonly<Record<string, string>>;
  instances?: number;
}

/** One DICOM Audit Message (PS3.15 A.5), in the order of its schema. */
export interface AuditMessage {
  eventId: Code;
  /** Create, read, update, delete, execute. */
  action: 'C' | 'R' | 'U' | 'D' | 'E';
  atMs: number;
  /** 0 success; 4 minor, 8 serious, 12 major failure. */
  outcome: '0' | '4' | '8' | '12';
  eventTypes: Code[];
  outcomeDescription?: string;
  participants: ActiveParticipant[];
  objects: ParticipantObject[];
}

/** The system that reports the event. */
export interface AuditSource {
  /** AuditSourceID. */
  id: string;
  /** AuditEnterpriseSiteID; left out when empty. */
  siteId: string;
}
