import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runTool } from '../interop/dcmtk.ts';
import { soakTimeout, tries } from '../soakSize.ts';
import { associated, ctDataSet, store } from '../unit/receive/rawPeer.ts';
import { temporaryFolder } from '../unit/worklist/fixture.ts';
import { agentConfig, send, SENDER, smallStudy, testPacs, until, worklist } from './agentUnderTest.ts';
import { startCommand } from './odontoidCommand.ts';

const STUDIES = tries('CANARY_STUDIES', 2);
const CANARY = 'ZANARY';
/** Every attribute in which a site may write free text, or that names somebody. The value of each is its own. */
const ATTRIBUTES = [
  'InstitutionName InstitutionAddress ReferringPhysicianName StationName StudyDescription SeriesDescription InstitutionalDepartmentName',
  'PhysiciansOfRecord PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName AdmittingDiagnosesDescription ManufacturerModelName',
  'DerivationDescription PatientName OtherPatientNames PatientBirthName PatientMotherBirthName PatientAddress PatientTelephoneNumbers',
  'EthnicGroup Occupation AdditionalPatientHistory PatientComments ContrastBolusAgent DeviceSerialNumber SoftwareVersions ProtocolName',
  'StudyID ImageComments RequestingPhysician RequestedProcedureDescription CurrentPatientLocation AccessionNumber IssuerOfPatientID',
]
  .join(' ')
  .split(' ');

test(
  `${STUDIES} studies with a canary in every text, bad objects too, through a whole agent at debug level: the log has none of it`,
  async () => {
    const folder = await temporaryFolder();
    const pacs = await testPacs(folder);
    const config = { ...agentConfig(folder, pacs), log: { level: 'debug' }, proofOfLife: { schedule: 'off' } };
    await writeFile(join(folder, 'odontoid.yaml'), JSON.stringify(config));
    const agent = startCommand(['serve'], { cwd: folder });
    let log = '';
    agent.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
    agent.stdout!.setEncoding('utf8').on('data', (text: string) => (log += text));
    onTestFinished(async () => {
      agent.kill('SIGKILL');
      await pacs.close();
    });
    const port = Number((await until('it listens', () => /@127\.0\.0\.1:(\d+)/.exec(log)))[1]);
    const url = (await until('the page listens', () => /http:\/\/127\.0\.0\.1:\d+/.exec(log)))[0];

    for (let study = 1; study <= STUDIES; study++) {
      const dir = join(folder, `study-${study}`);
      await smallStudy(dir, 500 + study, { patientId: `${CANARY}-ID-${study}` });
      const files = (await readdir(dir)).map((name) => join(dir, name));
      const values = ATTRIBUTES.flatMap((name, index) => ['-i', `${name}=${CANARY}${index}`]);
      const modified = await runTool('dcmodify', ['-nb', '-imt', ...values, ...files]);
      expect(modified.stderr.replaceAll(/^W:.*$/gm, '').trim()).toBe('');
      // Of every other study one slice is somebody else's, so that it is held.
      if (study % 2 === 0) await runTool('dcmodify', ['-nb', '-i', `PatientID=${CANARY}-OTHER`, files[3]!]);
      expect(new Set(await send(port, files))).toEqual(new Set(['stored']));
      const peer = await associated(port, { calling: SENDER });
      const bad = ctDataSet(`1.2.33.${study}`, { PatientName: `${CANARY}^Bad`, PatientID: `${CANARY}-BAD` });
      const otherInstance = ctDataSet('1.2.33.0', { PatientName: `${CANARY}^Other`, PatientID: `${CANARY}-BAD` });
      for (const dataSet of [bad.subarray(0, 150), Buffer.from(CANARY.repeat(300)), otherInstance]) {
        peer.send(store(`1.2.33.${study}`, dataSet));
        expect(await peer.status()).not.toBe(0);
      }
      peer.destroy();
    }
    // Every other study is held; of the refused objects there is a row, too.
    await until(
      'all others are delivered',
      async () => (await worklist(url)).filter(({ state }) => state === 'delivered').length === Math.ceil(STUDIES / 2),
      soakTimeout(120_000),
    );
    // The canary is where it belongs.
    expect(JSON.stringify(await worklist(url))).toContain(CANARY);
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    expect(log.split('\n').length).toBeGreaterThan(20);
    expect(log.split('\n').filter((line) => line.includes(CANARY))).toEqual([]);
  },
  soakTimeout(180_000),
);
