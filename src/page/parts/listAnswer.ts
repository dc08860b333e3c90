import type { z } from 'zod';
import type { rowDelivery, worklistAnswer, worklistRow } from '../../answers/worklistAnswer.ts';

export type WorklistAnswer = z.infer<typeof worklistAnswer>;
export type WorklistRow = z.infer<typeof worklistRow>;
export type RowDelivery = z.infer<typeof rowDelivery>;
