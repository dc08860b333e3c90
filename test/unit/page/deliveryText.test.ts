import { expect, test } from 'vitest';
import type { RowDelivery } from '../../../src/answers/worklistAnswer.ts';
import { deliveryText, receipt } from '../../../src/page/parts/deliveryText.ts';

const NOW = Date.UTC(2026, 10, 2, 9, 30);
const confirmed: RowDelivery = {
  destination: 'pacs',
  kind: 'sr',
  sopInstanceUid: '1.2',
  seriesInstanceUid: '1.3',
  revision: 1,
  status: 'confirmed',
  sopClass: 'Comprehensive 3D SR',
  isLowerClass: false,
  attempts: 1,
  sentAtMs: NOW,
  confirmedAtMs: NOW,
  lastStatus: '0x0000',
  lastError: null,
  remark: null,
  receipt: 'found',
};
const closed = (lastStatus: string): RowDelivery => ({ ...confirmed, status: 'closed', lastStatus });

test.each([
  [{}, /^Sent - pacs holds it \S+$/],
  [{ isLowerClass: true, sopClass: 'Basic Text SR' }, /holds it \S+, as Basic Text SR$/],
  [{ receipt: 'committed' }, /^Sent - pacs has committed to keep it \S+$/],
  [{ receipt: 'accepted' }, /^Sent - pacs accepted it \S+, and cannot be asked$/],
  [{ receipt: null }, /^Sent - pacs holds it \S+$/],
  [{ lastStatus: '0xB000' }, /with warning 0xB000/],
  [{ remark: 'It lists the study under another Patient ID' }, /\. It lists the study under another Patient ID$/],
  [{ status: 'sent', lastError: 'Accepted 8 times' }, /not yet confirmed: Accepted 8 times$/],
  [closed('no-sr-class'), /^pacs takes no SR: the triage card stands for the report$/],
  [closed('other-class'), /^pacs does not take Comprehensive 3D SR: sent in a lower SR class$/],
  [closed('object-not-wanted'), /^Not for pacs: its configuration leaves this out$/],
  [closed('decision-not-wanted'), /^Not for pacs: its configuration leaves this out$/],
  [closed('retired'), /^Not sent: pacs is retired$/],
  [closed('given-up'), /^Pictures not sent: they waited for pacs for too long .*; its report is kept$/],
] as const)('%j is told', (change, text) => {
  expect(deliveryText({ ...confirmed, ...change }, NOW)).toMatch(text);
});

test('the row says first what a reader must know: that the card stands for the report, before that the card is there', () => {
  expect(receipt([{ ...confirmed, kind: 'sc' }, closed('no-sr-class')], NOW)).toContain('takes no SR');
  expect(receipt([closed('other-class'), { ...confirmed, isLowerClass: true, sopClass: 'Enhanced SR' }], NOW)).toMatch(
    /holds it .*as Enhanced SR/,
  );
});
