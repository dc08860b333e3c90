/** Facility 10, security and authorization; severity 5, normal but significant (PS3.15 A.6). */
const PRI = 85;
const MSG_ID = 'DICOM+RFC3881';
const BOM = '\uFEFF';

export interface SyslogFields {
  atMs: number;
  hostName: string;
  /** Number of the audit entry: a gap shows that one is missing, a repeated number that one was sent twice. */
  sequenceId: number;
}

/** A message in the format of RFC 5424: header, the sequence number as structured data, and the XML as UTF-8. The same entry gives the same bytes. */
export function syslogMessage({ atMs, hostName, sequenceId }: SyslogFields, xml: string): Buffer {
  const host = hostName.replace(/[^!-~]/g, '').slice(0, 255) || '-';
  return Buffer.from(
    `<${PRI}>1 ${new Date(atMs).toISOString()} ${host} odontoid - ${MSG_ID} [meta sequenceId="${sequenceId}"] ${BOM}${xml}`,
  );
}
