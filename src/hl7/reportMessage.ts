import type { ReportNotice } from '../case/hospitalMessage.ts';
import { components, repetitions, type Message } from './message.ts';
import { orderGroups, studyReference, valueOf, type OrderGroup, type ReferenceRules } from './studyReference.ts';

export interface ReportRules extends ReferenceRules {
  /** Names of programs whose results are not reports: this agent's, and those of others that the site names. Case does not matter. */
  software: readonly string[];
}

/** The reports that an ORU^R01 tells of, one for each OBR; without those of programs. */
export function reportsIn(message: Message, rules: ReportRules): ReportNotice[] {
  return orderGroups(message)
    .filter((group) => group.some(({ name }) => name === 'OBR') && !isBySoftware(message, group, rules.software))
    .map((group) => ({
      ...studyReference(message, group, rules),
      status: valueOf(message, group, 'OBR-25').toUpperCase(),
      reader: reader(message, group),
    }));
}

const MOST_NAME = 64;

/**
 * OBR-32, Principal Result Interpreter, as `family, given`; its ID where it has no name. The standard has the name in the subcomponents of the first component
 * (NDL); many senders write it in components (XCN).
 */
function reader(message: Message, group: OrderGroup): string {
  const [field = ''] = repetitions(message, fieldOf(group, 'OBR', 32));
  const [[id = '', ...names] = [], ...others] = components(message, field);
  const [family = '', given = ''] = names.length > 0 ? names : others.map(([one = '']) => one);
  // After an NDL's name come times.
  const name = /^\d{8}/.test(family) ? '' : [family, given].filter(Boolean).join(', ');
  return shown(name || id);
}

function shown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(0, MOST_NAME)
    .trim();
}

/** The sender (MSH-3), the interpreter (OBR-32), the producer (OBX-15) or the equipment (OBX-18) is one of these programs. */
function isBySoftware(message: Message, group: OrderGroup, software: readonly string[]): boolean {
  const names = new Set(software.map((name) => name.trim().toLowerCase()));
  const fields = [
    message.fields[3],
    fieldOf(group, 'OBR', 32),
    ...group.filter(({ name }) => name === 'OBX').flatMap(({ fields: obx }) => [obx[15], obx[18]]),
  ];
  return fields.some((field) =>
    repetitions(message, field)
      .flatMap((repetition) => components(message, repetition).flat())
      .some((value) => names.has(value.toLowerCase())),
  );
}

function fieldOf(group: OrderGroup, name: string, number: number): string | undefined {
  return group.find((segment) => segment.name === name)?.fields[number];
}
