import { TEXT_VALUE_REPRESENTATIONS } from './charset.ts';
import { textElement, type ElementTree } from './elementTree.ts';

const SPECIFIC_CHARACTER_SET = 0x00080005;
/** What ISO 8859-1 has no byte for; its 0x80 to 0x9f are controls. */
const NOT_LATIN1 = /[\u0080-\u009f\u0100-\u{10ffff}]/gu;

/**
 * A data set of ours, whose text is UTF-8, in ISO_IR 100 (Western Europe), for archives that cannot read UTF-8. A name loses the groups that cannot be written,
 * such as the ideographic one; elsewhere a question mark stands for each character that is lacking. `isLossy` tells whether anything was lost.
 */
export function inLatin1(dataSet: ElementTree): { dataSet: ElementTree; isLossy: boolean } {
  let isLossy = false;
  const written = (text: string): string =>
    text.replace(NOT_LATIN1, () => {
      isLossy = true;
      return '?';
    });
  const name = (text: string): string => {
    const [alphabetic = '', ...others] = text.split('=');
    const kept = others.map((group) => (group.search(NOT_LATIN1) === -1 ? group : ''));
    isLossy ||= kept.join() !== others.join();
    return [written(alphabetic), ...kept].join('=').replace(/=+$/, '');
  };
  const textOf = (vr: string, bytes: Buffer): Buffer => {
    const text = bytes.toString('utf8').normalize('NFC').replace(/ +$/, '');
    const latin1 = Buffer.from(vr === 'PN' ? text.split('\\').map(name).join('\\') : written(text), 'latin1');
    return latin1.length % 2 === 0 ? latin1 : Buffer.concat([latin1, Buffer.from(' ')]);
  };
  const rewritten = (elements: ElementTree): ElementTree =>
    elements.map((element) => {
      const { tag, vr, value } = element;
      if (tag === SPECIFIC_CHARACTER_SET) return textElement(tag, vr, 'ISO_IR 100');
      if (!Buffer.isBuffer(value)) return { tag, vr, value: value.map(rewritten) };
      return TEXT_VALUE_REPRESENTATIONS.has(vr) && !isAscii(value) ? { tag, vr, value: textOf(vr, value) } : element;
    });
  return { dataSet: rewritten(dataSet), isLossy };
}

const isAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte < 0x80);
