/** A report as DICOM JSON. */
export type Json = Record<string, { vr: string; Value?: unknown[] }>;

export const items = (json: Json, tag: string): Json[] => (json[tag]?.Value ?? []) as Json[];
export const text = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];
const contentOf = (json: Json): Json[] => items(json, '0040A730');
const codeIn = (json: Json, tag: string): Json => items(json, tag)[0] ?? {};
const conceptOf = (json: Json): unknown => text(codeIn(json, '0040A043'), '00080100');
const meaningOf = (json: Json, tag: string): string | undefined =>
  text(codeIn(json, tag), '00080104') as string | undefined;

/** What OHIF shows of a report: its text, or regions on images with lines beside them. */
export type Shown =
  | { viewport: 'text'; lines: string[] }
  | { viewport: 'regions'; regions: { sopInstanceUid: unknown; frameNumber: unknown; lines: string[] }[] };

/**
 * What OHIF 3.13.2 shows of a report, by the rules of its extension cornerstone-dicom-sr (getSopClassHandlerModule, OHIFCornerstoneSRViewport,
 * DICOMSRDisplayTool). A report titled Imaging Measurement Report is shown on the images that its regions select, any other as text.
 *
 * @throws Error where OHIF throws and shows an empty viewport
 */
export function shownByOhif(report: Json): Shown {
  if (conceptOf(report) !== '126000') return { viewport: 'text', lines: linesOf(report) };
  const groups = contentOf(report)
    .filter((item) => conceptOf(item) === '126010')
    .slice(0, 1)
    .flatMap(contentOf)
    .filter((item) => conceptOf(item) === '125007');
  if (groups.length === 0) throw new Error('no measurement to show');
  return { viewport: 'regions', regions: groups.map(regionOf) };
}

function regionOf(group: Json) {
  const content = contentOf(group);
  if (!content.some((item) => conceptOf(item) === '112040')) throw new Error('a group without tracking UID');
  const region = content.find((item) => text(item, '0040A040') === 'SCOORD');
  if (region === undefined || conceptOf(region) === undefined) throw new Error('a group without a named region');
  const reference = items(contentOf(region)[0] ?? {}, '00081199')[0] ?? {};
  const numbers = content
    .filter((item) => text(item, '0040A040') === 'NUM')
    .map((item) => {
      const measured = items(item, '0040A300')[0] ?? {};
      const value = Number(text(measured, '0040A30A')).toFixed(2);
      return `${meaningOf(item, '0040A043')!}: ${value} ${text(codeIn(measured, '004008EA'), '00080100') as string}`;
    });
  const sites = content
    .filter((item) => conceptOf(item) === '363698007')
    .slice(0, 1)
    .map((item) => `363698007: ${meaningOf(item, '0040A168')!}`);
  return {
    sopInstanceUid: text(reference, '00081155'),
    frameNumber: text(reference, '00081160'),
    lines: [...numbers, ...sites].slice(0, 5),
  };
}

/** The items of the text viewport; it throws at one without a concept name. */
function linesOf(container: Json): string[] {
  return [
    meaningOf(container, '0040A043')!,
    ...contentOf(container).flatMap((item) => {
      if (text(item, '0040A040') === 'CONTAINER') return linesOf(item);
      if (conceptOf(item) === undefined) throw new Error('an item without a concept name');
      const type = text(item, '0040A040') as string;
      const value = text(item, '0040A160') ?? meaningOf(item, '0040A168') ?? text(item, '0040A124');
      return [`${meaningOf(item, '0040A043')!}: ${(value ?? `[${type} is not supported]`) as string}`];
    }),
  ];
}
