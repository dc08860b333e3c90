/** A part of an image, pixels, half open. */
export interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
}
