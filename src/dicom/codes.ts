import type { Vertebra } from '../case/vertebrae.ts';
import type { Dataset } from './part10.ts';

/** One coded entry (PS3.3 Table 8.8-1): value, coding scheme, meaning. */
export interface Code {
  readonly value: string;
  readonly scheme: 'DCM' | 'SCT' | 'LN' | 'UCUM' | 'UMLS' | 'RFC5646' | '99ODONTOID';
  readonly meaning: string;
}

const dcm = (value: string, meaning: string): Code => ({ value, scheme: 'DCM', meaning });
const sct = (value: string, meaning: string): Code => ({ value, scheme: 'SCT', meaning });

/** The vertebrae (PS3.16 CID 7603). */
export const VERTEBRA_CODES: Readonly<Record<Vertebra, Code>> = {
  C1: sct('14806007', 'C1 vertebra'),
  C2: sct('39976000', 'C2 vertebra'),
  C3: sct('113205007', 'C3 vertebra'),
  C4: sct('5329002', 'C4 vertebra'),
  C5: sct('36978003', 'C5 vertebra'),
  C6: sct('36054005', 'C6 vertebra'),
  C7: sct('87391001', 'C7 vertebra'),
  T1: sct('64864005', 'T1 vertebra'),
};

/** Every code that Odontoid writes (PS3.16 Annexes B and D, and the context groups named there). */
export const CODES = {
  // Document and observation context: TID 1500, 1204, 1002, 1004.
  imagingMeasurementReport: dcm('126000', 'Imaging Measurement Report'),
  // A title that viewers show as a heading: whoever sees no more of the report sees that there is no flag, and what follows from it.
  notFlagged: { value: 'NOTFLAGGED', scheme: '99ODONTOID', meaning: 'AI triage: not flagged - read as usual' },
  language: dcm('121049', 'Language of Content Item and Descendants'),
  english: { value: 'en-US', scheme: 'RFC5646', meaning: 'English (United States)' },
  observerType: dcm('121005', 'Observer Type'),
  device: dcm('121007', 'Device'),
  deviceObserverUid: dcm('121012', 'Device Observer UID'),
  deviceObserverName: dcm('121013', 'Device Observer Name'),
  deviceObserverManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceObserverModelName: dcm('121015', 'Device Observer Model Name'),
  deviceObserverSerialNumber: dcm('121016', 'Device Observer Serial Number'),
  procedureReported: dcm('121058', 'Procedure reported'),
  // CID 100, which TID 1500 asks for.
  ctUnspecifiedBodyRegion: { value: '25045-6', scheme: 'LN', meaning: 'CT unspecified body region' },

  // Image library: TID 1600, 1602.
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  modality: dcm('121139', 'Modality'),
  computedTomography: dcm('CT', 'Computed Tomography'),
  targetRegion: dcm('123014', 'Target Region'),
  studyDate: dcm('111060', 'Study Date'),
  studyTime: dcm('111061', 'Study Time'),
  pixelDataRows: dcm('110910', 'Pixel Data Rows'),
  pixelDataColumns: dcm('110911', 'Pixel Data Columns'),
  frameOfReferenceUid: dcm('112227', 'Frame of Reference UID'),

  // Algorithm identification: TID 4019.
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  algorithmManufacturer: dcm('122405', 'Algorithm Manufacturer'),
  algorithmFamily: dcm('111000', 'Algorithm Family'),
  artificialIntelligence: dcm('123110', 'Artificial Intelligence'),

  // Findings: TID 1501 and the qualitative evaluations of TID 1500.
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUid: dcm('112040', 'Tracking Unique Identifier'),
  finding: dcm('121071', 'Finding'),
  fracture: sct('125605004', 'Fracture of bone'),
  findingSite: sct('363698007', 'Finding Site'),
  cervicalSpine: sct('122494005', 'Cervical spine'),
  visualExplanation: dcm('130401', 'Visual explanation'),
  certaintyOfFinding: dcm('111012', 'Certainty of Finding'),
  sourceOfMeasurement: dcm('121112', 'Source of Measurement'),
  suspected: sct('415684004', 'Suspected'),
  notSuspected: sct('428263003', 'Not suspected'),
  undetermined: sct('373068000', 'Undetermined'),
  priority: sct('260870009', 'Priority'),
  laterality: sct('272741003', 'Laterality'),
  left: sct('7771000', 'Left'),
  right: sct('24028007', 'Right'),
  highPriority: sct('394849002', 'High priority'),
  summary: dcm('121111', 'Summary'),
  processingSummary: dcm('111017', 'CAD Processing and Findings Summary'),
  succeededWithFindings: dcm('111242', 'All algorithms succeeded; with findings'),
  succeededWithoutFindings: dcm('111241', 'All algorithms succeeded; without findings'),
  partlySucceededWithoutFindings: dcm('111243', 'Not all algorithms succeeded; without findings'),
  partlySucceededWithFindings: dcm('111244', 'Not all algorithms succeeded; with findings'),
  noneSucceeded: dcm('111245', 'No algorithms succeeded; without findings'),
  comment: dcm('121106', 'Comment'),
  qualitativeEvaluations: { value: 'C0034375', scheme: 'UMLS', meaning: 'Qualitative Evaluations' },

  // Key Object Selections: TID 2010, CID 7010.
  ofInterest: dcm('113000', 'Of Interest'),
  rejectedForQualityReasons: dcm('113001', 'Rejected for Quality Reasons'),
  keyObjectDescription: dcm('113012', 'Key Object Description'),

  // Headers and references.
  processingEquipment: dcm('109102', 'Processing Equipment'),
  gradientWeightedClassActivation: dcm('130403', 'Gradient-weighted class activation'),
  sourceImageForProcessing: dcm('121322', 'Source image for image processing operation'),

  percent: { value: '%', scheme: 'UCUM', meaning: 'Percent' },
  pixels: { value: '{pixels}', scheme: 'UCUM', meaning: 'Pixels' },
} as const satisfies Record<string, Code>;

/** A code as the one item of a code sequence (PS3.3 8.8). */
export function codeItem(code: Code): Dataset {
  return { CodeValue: code.value, CodingSchemeDesignator: code.scheme, CodeMeaning: code.meaning };
}
