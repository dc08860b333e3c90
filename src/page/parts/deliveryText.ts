import { clockTime } from './format.ts';
import { deliveryWords as words } from './deliveryWords.ts';
import type { RowDelivery } from '../../answers/worklistAnswer.ts';

/** One line for all objects of a case: the worst status, which is what a reader must know. */
export function receipt(deliveries: readonly RowDelivery[], nowMs: number): string {
  const worst = (['refused', 'pending', 'sent', 'confirmed'] as const)
    .map((status) => deliveries.find((delivery) => delivery.status === status))
    .find(Boolean);
  return worst ? deliveryText(worst, nowMs) : '';
}

/** What is known of one object on its way to one destination. */
export function deliveryText(delivery: RowDelivery, nowMs: number): string {
  switch (delivery.status) {
    case 'confirmed':
      return words.confirmed(delivery.destination, clockTime(delivery.confirmedAtMs ?? nowMs, nowMs));
    case 'sent':
      return words.accepted(delivery.destination, clockTime(delivery.sentAtMs ?? nowMs, nowMs));
    case 'refused':
      return words.rejected(delivery.destination, delivery.lastError ?? '');
    case 'cancelled':
      return words.cancelled(delivery.destination);
    case 'pending':
      return words.waiting(delivery.destination, delivery.lastError);
  }
}
