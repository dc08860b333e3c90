import type { StatedPatientId, StudyReference } from '../case/hospitalMessage.ts';
import { components, first, repetitions, type Message, type Segment } from './message.ts';

/** Fields that may hold the accession number. */
type AccessionField = 'OBR-18' | 'OBR-3' | 'OBR-2' | 'ORC-3' | 'ORC-2' | 'IPC-1';

export interface ReferenceRules {
  /** The first of these fields that is not empty holds the accession number. */
  accessionFrom: readonly AccessionField[];
  /** Whether a Study Instance UID in a message counts. */
  usesStudyInstanceUid: boolean;
}

/** The segments that belong to one order: ORC, OBR and what follows them. */
export type OrderGroup = readonly Segment[];

/** The orders of a message. */
export function orderGroups({ segments }: Message): OrderGroup[] {
  const groups: Segment[][] = [];
  for (const segment of segments) {
    if (segment.name === 'PID') continue;
    const current = groups.at(-1);
    const begins =
      segment.name === 'ORC' || (segment.name === 'OBR' && (current?.some(({ name }) => name === 'OBR') ?? true));
    if (begins) groups.push([segment]);
    else current?.push(segment);
  }
  return groups;
}

/** The value of a field (`OBR-18`) of an order: its first component; empty when there is none. */
export function valueOf(message: Message, group: OrderGroup, field: string, component = 1): string {
  const [name, number] = field.split('-');
  const segment = group.find((one) => one.name === name);
  return first(message, segment?.fields[Number(number)], component);
}

/** Which study an order of the message means. */
export function studyReference(message: Message, group: OrderGroup, rules: ReferenceRules): StudyReference {
  return {
    patientIds: patientIds(message),
    accessionNumber: rules.accessionFrom.map((field) => valueOf(message, group, field)).find(Boolean) ?? '',
    studyInstanceUids: rules.usesStudyInstanceUid ? studyInstanceUids(message, group) : [],
  };
}

/** PID-3, any number of times: ID, check digit, its scheme, assigning authority, type. */
function patientIds(message: Message): StatedPatientId[] {
  const pid = message.segments.find(({ name }) => name === 'PID');
  return repetitions(message, pid?.fields[3]).flatMap((repetition) => {
    const [[id = ''] = [], , , [namespace = '', universal = ''] = []] = components(message, repetition);
    return id === '' ? [] : [{ id, issuers: [namespace, universal].filter(Boolean) }];
  });
}

/** ZDS-1 (IHE RAD TF-2 4.4), IPC-3, and observations that say by their identifier that they are a Study Instance UID (RAD-28, RAD-128). */
function studyInstanceUids(message: Message, group: OrderGroup): string[] {
  const uids = group.flatMap(({ name, fields }) => {
    if (name === 'ZDS') return [first(message, fields[1])];
    if (name === 'IPC') return [first(message, fields[3])];
    const isUid = name === 'OBX' && /\b113014\b|study\s*instance\s*uid/i.test(fields[3] ?? '');
    return isUid ? repetitions(message, fields[5]).map((one) => first(message, one)) : [];
  });
  return [...new Set(uids)].filter((uid) => /^\d[\d.]{0,63}$/.test(uid));
}
