import type { StowOutcome } from './stowRequest.ts';

/** An HTTP answer of the STOW-RS service. */
export interface StowAnswer {
  status: number;
  contentType: string;
  body: string;
  /** A sentence for people: why something was not stored. */
  warning: string | null;
  retryAfterSeconds: number | null;
  counts: { stored: number; refused: number; unsupported: number };
}

const RETRY_AFTER_SECONDS = 60;
/** FailureReason 0xA7xx: out of resources, so that the same request succeeds later. */
const isOutOfResources = (status: number): boolean => (status & 0xff00) === 0xa700;

/**
 * The Store Instances Response Module (PS3.18 10.5.3, I.2): 200 when every instance is stored, 202 when some are, 409 when none is, 503 when only room was lacking.
 */
export function stowAnswer(outcomes: readonly StowOutcome[]): StowAnswer {
  const stored = outcomes.filter(({ failure }) => failure === null);
  const failed = outcomes.flatMap(({ failure, ...outcome }) => (failure === null ? [] : [{ ...outcome, failure }]));
  const named = failed.filter(({ sopInstanceUid }) => sopInstanceUid !== '');
  const nameless = failed.filter(({ sopInstanceUid }) => sopInstanceUid === '');
  const status =
    failed.length === 0
      ? 200
      : stored.length > 0
        ? 202
        : failed.every(({ failure }) => isOutOfResources(failure.status))
          ? 503
          : 409;
  const dataset = {
    '00081190': element('UR', []),
    ...(stored.length > 0 && {
      '00081199': element(
        'SQ',
        stored.map((one) => ({ ...reference(one), '00081190': element('UR', []) })),
      ),
    }),
    ...(named.length > 0 && {
      '00081198': element(
        'SQ',
        named.map((one) => ({ ...reference(one), '00081197': element('US', [one.failure.status]) })),
      ),
    }),
    // Other Failures: of instances that could not be identified.
    ...(nameless.length > 0 && {
      '0008119A': element(
        'SQ',
        nameless.map(({ failure }) => ({ '00081197': element('US', [failure.status]) })),
      ),
    }),
  };
  return {
    status,
    contentType: 'application/dicom+json',
    body: JSON.stringify(dataset),
    warning: failed[0]?.failure.error.message ?? null,
    retryAfterSeconds: status === 503 ? RETRY_AFTER_SECONDS : null,
    counts: countsOf(outcomes),
  };
}

export function countsOf(outcomes: readonly StowOutcome[]): StowAnswer['counts'] {
  const failures = outcomes.flatMap(({ failure }) => failure ?? []);
  return {
    stored: outcomes.length - failures.length,
    refused: failures.length,
    unsupported: failures.filter(({ error }) => error.code === 'transfer-syntax-unsupported').length,
  };
}

/** A refusal of the whole request, as the JSON API words its own. */
export function stowRefusal(status: number, error: string, message: string): StowAnswer {
  return {
    status,
    contentType: 'application/json',
    body: JSON.stringify({ error, message }),
    warning: message,
    retryAfterSeconds: status === 503 ? RETRY_AFTER_SECONDS : null,
    counts: countsOf([]),
  };
}

function element(vr: string, values: readonly unknown[]): object {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

function reference({ sopClassUid, sopInstanceUid }: Pick<StowOutcome, 'sopClassUid' | 'sopInstanceUid'>): object {
  return {
    '00081150': element('UI', sopClassUid === '' ? [] : [sopClassUid]),
    '00081155': element('UI', [sopInstanceUid]),
  };
}
