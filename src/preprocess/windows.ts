/** A display window in Hounsfield units: values from center - width/2 to center + width/2 map to 0..1, linearly. */
export interface WindowHu {
  centerHu: number;
  widthHu: number;
}

/** The paper's gross bone window (section 2.1, third scheme): the one that finds the bone, and the first channel. */
export const GROSS_BONE: WindowHu = { centerHu: 400, widthHu: 650 };
/** The paper's standard bone window (section 2.1, second scheme): the second channel. */
export const STANDARD_BONE: WindowHu = { centerHu: 500, widthHu: 1800 };
/** The paper's soft tissue window (section 2.1, first scheme): the third channel. */
export const SOFT_TISSUE: WindowHu = { centerHu: 80, widthHu: 300 };
