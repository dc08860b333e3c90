export { identityDifferences } from '../case/patientIdentity.ts';
