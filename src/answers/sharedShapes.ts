import { z } from 'zod';
import { DECISIONS } from '../case/decision.ts';
import { VERTEBRAE } from '../case/vertebrae.ts';

// Shapes that several answers contain.

export const epochMs = z.int().describe('Epoch milliseconds.');
export const decision = z.enum(DECISIONS).describe('There is no word for "normal".');
export const threshold = z.strictObject({ value: z.number(), version: z.int() });
export const levels = z.array(z.enum(VERTEBRAE)).describe('Vertebrae, from the skull down.');

export const frameNumber = z
  .int()
  .exactOptional()
  .describe('Of a slice that is a frame of a multi-frame object, from 1; absent otherwise.');

export const modelIdentity = z.strictObject({
  name: z.string(),
  version: z.string(),
  sha256: z.string().describe('Digest of the whole package (hex).'),
});

export const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .meta({ id: 'Estimate', description: 'With its 95 % interval.' });
