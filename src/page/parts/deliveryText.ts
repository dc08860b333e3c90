import { clockTime, minuteTime } from './format.ts';
import { deliveryWords as words } from './deliveryWords.ts';
import type { RowDelivery } from '../../answers/worklistAnswer.ts';

/** One line for all objects of a case: the worst status, which is what a reader must know. */
export function receipt(deliveries: readonly RowDelivery[], nowMs: number): string {
  const worst = worstOf(deliveries);
  return worst === undefined ? '' : deliveryText(worst, nowMs);
}

/** The same for a column of holders: of results that are held as they should be, only by whom and since when. */
export function receiptBrief(deliveries: readonly RowDelivery[], nowMs: number): string {
  const worst = worstOf(deliveries);
  const isAsItShould = worst?.status === 'confirmed' && worst.receipt !== 'accepted' && remarks(worst) === '';
  return isAsItShould
    ? `${worst.destination} ${minuteTime(worst.confirmedAtMs ?? nowMs, nowMs)}`
    : receipt(deliveries, nowMs);
}

function worstOf(deliveries: readonly RowDelivery[]): RowDelivery | undefined {
  return (['refused', 'pending', 'sent', 'no-sr-class', 'retired', 'given-up', 'confirmed'] as const)
    .map((status) =>
      deliveries.find(
        (delivery) => delivery.status === status || (delivery.status === 'closed' && delivery.lastStatus === status),
      ),
    )
    .find(Boolean);
}

const CONFIRMED = { committed: words.committed, found: words.confirmed, accepted: words.acceptedOnly };

/** What is known of one object on its way to one destination. */
export function deliveryText(delivery: RowDelivery, nowMs: number): string {
  switch (delivery.status) {
    case 'confirmed':
      return CONFIRMED[delivery.receipt ?? 'found'](
        delivery.destination,
        clockTime(delivery.confirmedAtMs ?? nowMs, nowMs),
        remarks(delivery),
      );
    case 'sent':
      return words.accepted(
        delivery.destination,
        clockTime(delivery.sentAtMs ?? nowMs, nowMs),
        `${remarks(delivery)}${delivery.lastError === null ? '' : `: ${delivery.lastError}`}`,
      );
    case 'refused':
      return words.rejected(delivery.destination, delivery.lastError ?? '');
    case 'closed':
      return closedText(delivery);
    case 'cancelled':
      return words.cancelled(delivery.destination);
    case 'pending':
      return words.waiting(delivery.destination, delivery.lastError);
  }
}

/** In which SR class, and whether the destination warned (PS3.4 B.2.3: 0xBxxx). */
function remarks({ isLowerClass, sopClass, lastStatus, remark }: RowDelivery): string {
  return [
    isLowerClass ? words.asLowerClass(sopClass) : '',
    lastStatus !== null && /^0xB/.test(lastStatus) ? words.warning(lastStatus) : '',
    remark === null ? '' : `. ${remark}`,
  ].join('');
}

/** Why an object does not go to a destination. */
function closedText({ destination, sopClass, lastStatus }: RowDelivery): string {
  switch (lastStatus) {
    case 'no-sr-class':
      return words.cardOnly(destination);
    case 'retired':
      return words.retired(destination);
    case 'given-up':
      return words.givenUp(destination);
    case 'object-not-wanted':
    case 'decision-not-wanted':
      return words.notWanted(destination);
    case null:
    default:
      return words.otherClass(destination, sopClass);
  }
}
