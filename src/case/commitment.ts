import type { CommitmentDataSet, SopReference } from '../dicom/commitmentDataSet.ts';

/** A sender asks the agent to commit to keep these objects (PS3.4 J). */
export interface CommitmentRequest {
  sourceAeTitle: string;
  /** AE title by which the sender called the agent. */
  calledAeTitle: string;
  transactionUid: string;
  references: readonly SopReference[];
}

/** An archive reports, on an association that it opened, on a commitment that it was asked for. */
export interface CommitmentReported {
  sourceAeTitle: string;
  /** AE title by which the archive called the agent. */
  calledAeTitle: string;
  report: CommitmentDataSet;
}

/** A request whose report is to be sent. */
export interface DueCommitment extends CommitmentRequest {
  askedAtMs: number;
  /** Failed ones so far. */
  attempts: number;
}
