/** A segment with these fields, by their numbers in the standard. */
export function segment(name: string, fields: Readonly<Record<number, string>>, separator = '|'): string {
  const last = Math.max(...Object.keys(fields).map(Number));
  return [name, ...Array.from({ length: last }, (_, index) => fields[index + 1] ?? '')].join(separator);
}

/** The bytes of a message of these segments, without a frame. */
export function bytesOf(segments: readonly string[], encoding: BufferEncoding = 'utf8'): Buffer {
  return Buffer.from(segments.map((segment) => `${segment}\r`).join(''), encoding);
}

/** The same by MLLP. */
export function framed(segments: readonly string[], encoding: BufferEncoding = 'utf8'): Buffer {
  return Buffer.concat([Buffer.of(0x0b), bytesOf(segments, encoding), Buffer.of(0x1c, 0x0d)]);
}

/** Orders as systems of different makers write them, each urgent, the priority somewhere else. */
export const ORDERS = {
  quantityTiming: [
    'MSH|^~\\&|QDOC|HL7V1.1|AGFA|AGFA|20260505112549||ORM^O01|03139638|P|2.3.1||||||8859/1',
    'PID|||123456Q||DUBOIS^Jean',
    segment('ORC', { 1: 'SC', 3: 'N4568254^NDB', 5: 'IP', 7: '^^^20260505111800^^S' }),
    segment('OBR', { 3: 'N4568254^NDB', 4: 'CTCERV^CT cervical', 18: '0897456', 27: '^^^20260505111800^^R' }),
    'ZDS|1.2.41.0.1.1.202.123^Agfa^Application^DICOM',
  ],
  obr: [
    'MSH|^~\\&|CPOE|MATER|NIMIS|MATER|20260415100000||OMG^O19^OMG_O19|OMG-1|P|2.5|||AL|NE',
    'PID|1||MAT847^^^MATER^MR~810719^^^PPS^PPSN||McCarthy^Eoin',
    segment('ORC', { 1: 'NW', 2: 'MATORD1', 5: 'SC' }),
    segment('OBR', { 1: '1', 2: 'MATORD1', 18: 'RAD1', 24: 'CT', 27: '1^^^20260415100000^^stat' }),
  ],
  tq1: [
    'MSH|^~\\&|EHR|H|ODONTOID|PACS|20260715090000||OMI^O23^OMI_O23|WSA5|P|2.5.1',
    'PID|||pat-9^^^&1.2.3&ISO^MR||Cure^Ann',
    'ORC|NW',
    segment('TQ1', { 1: '1', 9: 'S^Stat^HL70485' }),
    segment('OBR', { 1: '1', 2: 'entity9', 4: 'CTCS^CT C-Spine' }),
    segment('IPC', { 1: 'acc-9', 2: 'proc9', 3: '1.2.840.9', 5: 'CT' }),
  ],
} as const;

/** Reports as systems of different makers write them, with invented people and numbers. */
export const REPORTS = {
  /** 2.3, the accession number in OBR-3, the reader in components. */
  components: [
    'MSH|^~\\&|RADAPP|NORTH|ODONTOID|PACS|20260301101500||ORU^R01|88101|P|2.3',
    'PID|1||M4711^^^NORTH^MR~900-11^^^STATE^SS||DOE^JANE^Q||19610203|F',
    'PV1|1|E|ED^12^A',
    'ORC|RE|7001^EPC|A-1001^RIS||CM',
    segment('OBR', {
      1: '1',
      2: '7001^EPC',
      3: 'A-1001^RIS',
      4: '72125^CT CERVICAL SPINE^CPT',
      24: 'CT',
      25: 'F',
      27: '1^^^20260301^^S',
      32: '2001^SMITH^JOHN^^^^MD',
    }),
    'OBX|1|TX|72125&IMP^CT CERVICAL SPINE||No acute fracture.||||||F',
  ],
  /** 2.3.1 as IHE RAD-28 has it: the UID in an observation, the reader in subcomponents. */
  ihe: [
    'MSH|^~\\&|RPTMGR|SOUTH|ODONTOID|PACS|20260301120000||ORU^R01|RM-9|P|2.3.1',
    'PID|||P-22^^^SOUTH||MEIER^ANNA',
    segment('OBR', {
      2: 'PL9^HIS',
      3: 'FL9^RIS',
      4: 'CTCS^CT C-Spine',
      18: 'A-2002',
      25: 'C',
      32: '3003&Okafor&Ngozi&&&Dr',
    }),
    'OBX|1|HD|^SR Instance UID||1.2.840.1.77.3||||||F',
    'OBX|2|HD|^Study Instance UID||1.2.840.1.77.1||||||F',
  ],
  /** 2.5.1, preliminary, an interpreter of whom only the ID is sent, a document of many bytes. */
  preliminary: [
    'MSH|^~\\&|SYSX^1.2.3^ISO|EAST|||20260301130000+0100||ORU^R01^ORU_R01|00000017|P|2.5.1||||||UNICODE UTF-8',
    'PID|1||Ü-5^^^EAST&1.2.276.5&ISO^PI||Müller^Jörg',
    segment('OBR', { 3: 'A-3003', 4: 'CTHWS', 18: '""', 25: 'P', 32: 'D77^20260301125900' }),
    `OBX|1|ED|PDF||^application^pdf^Base64^${'QUJD'.repeat(40_000)}||||||P`,
  ],
  /** Separators of its own. */
  separators: [
    'MSH#*~!@#SENDER#WEST#RECV#RFAC#20260115##ORU*R01#MSG9#P#2.4',
    'PID#1##77*****MR####',
    segment('OBR', { 3: 'A!S!4004*X', 4: 'CT', 18: 'A!F!5', 25: 'F', 32: '9@Lee@Ann' }, '#'),
  ],
} as const;
