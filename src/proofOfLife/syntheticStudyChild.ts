import os from 'node:os';
import { generatePhantom } from '../phantom/generatePhantom.ts';
import { drawPhantomParams } from '../phantom/phantomParams.ts';
import { writePhantomStudy } from '../phantom/writePhantomStudy.ts';
import { messageOf } from '../base/errors.ts';
import type { StudyMade, StudyOrder } from './syntheticStudy.ts';

/** Entry of a process that makes one synthetic study and exits: drawing it occupies a core for seconds. */

const LOWEST_PRIORITY = 19;

// Patients' scans come first.
os.setPriority(LOWEST_PRIORITY);
process.umask(0o027);
process.on('disconnect', () => process.exit(0));
process.on('message', ({ params, options }: StudyOrder) => {
  const { seed, ...rest } = params;
  writePhantomStudy(generatePhantom(drawPhantomParams(seed, rest)), options)
    .then(
      ({ studyInstanceUid, patientId, files }): StudyMade => ({
        ok: true,
        studyInstanceUid,
        patientId,
        paths: files.map(({ path }) => path),
      }),
      (error: unknown): StudyMade => ({ ok: false, message: messageOf(error) }),
    )
    .then((answer) => process.send!(answer, () => process.disconnect()))
    .catch(() => process.exit(1));
});
