import type { Request, Response } from 'express';
import { TriageError } from '../../base/errors.ts';
import { acceptedTypes, takenType } from './accepted.ts';

export const DICOM_JSON = 'application/dicom+json';

/** A request and the response to it. */
export interface Exchange {
  request: Request;
  response: Response;
}

/** The media types that the client takes, best first. */
export const acceptedBy = ({ headers, query }: Request): ReturnType<typeof acceptedTypes> =>
  acceptedTypes(headers.accept, typeof query['accept'] === 'string' ? query['accept'] : undefined);

/** @throws TriageError `not-acceptable` */
export function mustTakeJson(request: Request): void {
  if (takenType(acceptedBy(request), [DICOM_JSON, 'application/json']) === null)
    throw new TriageError('not-acceptable', `Answers are given as ${DICOM_JSON}.`);
}

/** Where the caller finds this service, below the path under which a proxy serves the page. */
export function rootOf({ protocol, host, originalUrl }: Request): string {
  const below = originalUrl.slice(0, originalUrl.indexOf('/dicom-web/'));
  return `${protocol}://${host}${below}/dicom-web`;
}
