import { z } from 'zod';
import { entryName } from './values.ts';

/** Words of a header; `*` stands for anything, and case does not matter. */
const patterns = z.array(z.string().trim().min(1).max(64)).min(1).optional();

const range = (unit: string) =>
  z
    .strictObject({ min: z.number().min(0).optional(), max: z.number().min(0).optional() })
    .refine(
      ({ min, max }) => (min ?? max) !== undefined && (min ?? 0) <= (max ?? Infinity),
      'give min, max or both, min not above max',
    )
    .optional()
    .describe(`${unit}, both ends included; a study whose headers do not say is not met.`);

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM');

/** What an object or a study must have. */
const criteria = z.strictObject({
  callingAeTitles: patterns.describe('Calling AE titles.'),
  calledAeTitles: patterns.describe('Called AE titles: `receive.aeTitle` or one of `receive.otherAeTitles`.'),
  stations: patterns.describe('Station Name (0008,1010).'),
  modalities: patterns.describe('Modality (0008,0060).'),
  bodyParts: patterns.describe('Body Part Examined (0018,0015) or the meaning of Anatomic Region (0008,2218).'),
  procedureCodes: patterns.describe(
    'Code values of Procedure Code (0008,1032) or Requested Procedure Code (0032,1064).',
  ),
  descriptions: patterns.describe('Study Description, Series Description or Protocol Name.'),
  priorities: patterns.describe('Requested Procedure Priority (0040,1003), where the images have it.'),
  locations: patterns.describe('Current Patient Location (0038,0300) or Institutional Department Name (0008,1040).'),
  sex: z
    .array(z.enum(['F', 'M', 'O']))
    .min(1)
    .optional()
    .describe("Patient's Sex."),
  ageYears: range("Patient's age in years, as stated or from the birth date"),
  scanAgeHours: range('Hours from the scan to its arrival'),
  hours: z
    .strictObject({ from: timeOfDay, to: timeOfDay })
    .optional()
    .describe('When the study came, in local time; `from` after `to` goes past midnight.'),
});

const selectionRule = z.strictObject({
  name: entryName.describe('Name on the case and on the page *Connections*.'),
  when: criteria
    .prefault({})
    .describe(
      'What a study must have; all that is named must hold, each for one object of the study. Texts may hold `*`. Empty: every study.',
    ),
  do: z
    .enum(['accept', 'keep', 'ignore'])
    .describe(
      '`accept`: analysed, if a series allows it. `keep`: listed, not analysed, no report. `ignore`: the same, and in no list of scans to read.',
    ),
  destinations: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Names of the destinations that get the results; all when left out.'),
});

/** Which studies are analysed, only kept, or ignored. */
export const selectionSettings = z
  .array(selectionRule)
  .max(100)
  .default([])
  .describe(
    'Which studies are analysed, and where their results go: the first rule that a study meets counts, and its case says which. A study that meets none is accepted: CTs of adults and children whose anatomy or tags say neck.',
  );

/** What makes a scan clinically urgent. */
export const urgentSettings = z
  .array(
    z.strictObject({
      name: entryName.describe('Name in the history of the case.'),
      when: criteria
        .refine((when) => Object.values(when).some((value) => value !== undefined), 'name at least one criterion')
        .describe('What one object of the study must have, as in `selection`; all that is named must hold.'),
    }),
  )
  .max(100)
  .default([])
  .describe(
    'Rules that mark a scan as clinically urgent as soon as an object that meets one of them comes. What a person says of its urgency stays.',
  );
