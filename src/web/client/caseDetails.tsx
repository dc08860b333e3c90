import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ageText, birthDate, clockTime, personName } from './format.ts';
import { words } from './words.ts';
import { fetchCase, type CaseHistory, type RowDelivery, type WorklistRow } from './worklistApi.ts';

/** Who, what state in full, and why: series with their reasons, result objects with their receipts, and what happened when. */
export function CaseDetails({ row, nowMs, onMark }: { row: WorklistRow; nowMs: number; onMark: () => void }) {
  const [events, setEvents] = useState<CaseHistory['events'] | 'unread' | null>(null);
  useEffect(() => {
    let current = true;
    fetchCase(row.studyInstanceUid).then(
      (answer) => current && setEvents(answer.events),
      () => current && setEvents('unread'),
    );
    return () => {
      current = false;
    };
  }, [row]);
  const name = personName(row.patientName);
  const born = birthDate(row.patientBirthDate);
  return (
    <section aria-label={words.detailOf(name)}>
      <p class="patient">
        {[
          name,
          born && words.born(born, ageText(row.age)),
          row.sex,
          words.patientId(row.patientId),
          row.accessionNumber && words.accession(row.accessionNumber),
        ]
          .filter(Boolean)
          .map((part, index) => (
            <span key={index}>
              {index > 0 && ' · '}
              <bdi>{part}</bdi>
            </span>
          ))}
      </p>
      <p>
        {row.stateText} <span class="muted">{row.why}</span>
      </p>
      <div class="parts">
        <Part title={words.series}>
          {row.series.map((series) => (
            <li key={series.seriesInstanceUid}>
              {series.seriesDescription || series.modality} ({series.instances}): {series.reason}
            </li>
          ))}
        </Part>
        <Part title={words.objects}>
          {row.deliveries.map((delivery) => (
            <li key={`${delivery.destination} ${delivery.sopInstanceUid}`}>
              {delivery.kind.toUpperCase()} {deliveryText(delivery, nowMs)}
            </li>
          ))}
        </Part>
        <Part title={words.history}>
          {events === 'unread' ? (
            <li>{words.historyUnread}</li>
          ) : (
            events?.map((event, index) => (
              <li key={index}>
                {clockTime(event.atMs, nowMs)} {words.events[event.type] ?? event.type}
              </li>
            ))
          )}
        </Part>
      </div>
      <button type="button" onClick={onMark}>
        {row.readAtMs === null ? words.markRead : words.markUnread}
      </button>
    </section>
  );
}

/** A list of one height, however long: it can be scrolled by keyboard, and never pushes the rows below. */
function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="part" role="group" aria-label={title} tabIndex={0}>
      <h2>{title}</h2>
      {Array.isArray(children) && children.length === 0 ? <p class="muted">{words.none}</p> : <ul>{children}</ul>}
    </div>
  );
}

/** One line for all objects of a case: the worst of them, for that is what a reader must know. */
export function receipt(deliveries: readonly RowDelivery[], nowMs: number): string {
  const worst = (['refused', 'pending', 'sent', 'confirmed'] as const)
    .map((status) => deliveries.find((delivery) => delivery.status === status))
    .find(Boolean);
  return worst ? deliveryText(worst, nowMs) : '';
}

function deliveryText(delivery: RowDelivery, nowMs: number): string {
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
