import { describe, expect, it } from 'vitest';
import { wholeStudies } from '../../../src/receive/wholeStudies.ts';

const of = (...studyInstanceUids: string[]) => ({ studyInstanceUids: new Set(studyInstanceUids) });

describe('a study is whole when its last association ends', () => {
  it('after a release, all that came on it', () => {
    expect(wholeStudies({ ...of('1.1', '1.2'), clean: true }, [])).toEqual(['1.1', '1.2']);
  });
  it('not while another association still sends it', () => {
    expect(wholeStudies({ ...of('1.1', '1.2', '1.3'), clean: true }, [of('1.4'), of('1.2'), of()])).toEqual([
      '1.1',
      '1.3',
    ]);
  });
  it('not after a cut: the sender comes again with the rest', () => {
    expect(wholeStudies({ ...of('1.1'), clean: false }, [])).toEqual([]);
  });
});
