/** Visual angle of letters that are readable at a distance, arc minutes. */
const ARC_MINUTES = 20;
/** Height of a capital letter as a fraction of the font size. */
const CAP_HEIGHT = 0.7;
const METRES_PER_INCH = 0.0254;

/** Font size in CSS pixels at which capitals subtend 20 arc minutes: 26 px on 55 inches and 60 px on 24 inches, at 2 m and 1920 x 1080. */
export function wallFontPx(wall: {
  diagonalInches: number;
  distanceMetres: number;
  widthPx: number;
  heightPx: number;
}): number {
  const letterMetres = 2 * wall.distanceMetres * Math.tan((ARC_MINUTES / 2 / 60 / 180) * Math.PI);
  const pxPerMetre = Math.hypot(wall.widthPx, wall.heightPx) / (wall.diagonalInches * METRES_PER_INCH);
  return (letterMetres * pxPerMetre) / CAP_HEIGHT;
}
