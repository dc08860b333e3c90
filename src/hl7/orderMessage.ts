import type { OrderNotice } from '../case/hospitalMessage.ts';
import { components, repetitions, type Message } from './message.ts';
import { orderGroups, studyReference, valueOf, type OrderGroup, type ReferenceRules } from './studyReference.ts';

export interface OrderRules extends ReferenceRules {
  /** Priorities that make a scan clinically urgent, in capitals. */
  urgentPriorities: readonly string[];
}

/** ORC-1 (table 0119): cancelled or discontinued, by whoever placed it or whoever fills it. */
const CANCELLED = new Set(['CA', 'OC', 'CR', 'DC', 'OD', 'DR']);

/** The orders of an ORM^O01, OMG^O19 or OMI^O23. */
export function ordersIn(message: Message, rules: OrderRules): OrderNotice[] {
  return orderGroups(message).map((group) => ({
    ...studyReference(message, group, rules),
    isUrgent:
      !CANCELLED.has(valueOf(message, group, 'ORC-1').toUpperCase()) &&
      priorities(message, group).some((priority) => rules.urgentPriorities.includes(priority)),
  }));
}

/** Component 6 of Quantity/Timing (ORC-7, OBR-27), and TQ1-9 since 2.5; in capitals. */
function priorities(message: Message, group: OrderGroup): string[] {
  const found = group.flatMap(({ name, fields }) => {
    if (name === 'TQ1') return repetitions(message, fields[9]).map((one) => components(message, one)[0]?.[0] ?? '');
    const timing = name === 'ORC' ? fields[7] : name === 'OBR' ? fields[27] : undefined;
    return repetitions(message, timing).map((one) => components(message, one)[5]?.[0] ?? '');
  });
  return found.map((priority) => priority.toUpperCase());
}
