import { describe, expect, it } from 'vitest';
import { claimedRegion } from '../../../src/case/bodyRegion.ts';
import { instanceOf } from '../assemble/syntheticStudy.ts';

describe('claimedRegion', () => {
  it.each([
    'C-SPINE 1.0 BONE',
    'CSPINE',
    'C_SPINE',
    'cervical spine',
    'Colonna cervicale',
    'Rachis cervical',
    'HWS axial 1mm',
    'Halswirbelsäule',
    'Col. cervicale',
    'Neck',
    'HEADNECK',
    'CT Head and Neck',
    'Cou osseux',
    'Cuello',
    'Säule zervikal / HWS',
    'C SP',
    'AX BONE Skull base - T1 3.0',
    'Occiput to T2',
    'C1-T1 Knochen',
    'Craniovertebral junction',
    'CVJ 0.6',
    'Facets bone',
    'Polytrauma head-pelvis 3.0 Br64',
    'Schädel bis Becken',
    'rachis cervical tête à thorax',
    'columna cervical',
    'Atlas/Axis',
    '頸椎 1.0',
    'шейный отдел',
  ])('reads %s as the neck', (seriesDescription) => {
    expect(claimedRegion(instanceOf({ seriesDescription }).header)).toBe('neck');
  });

  it.each([
    'HEAD',
    'Head 1.0 Hr64',
    'Brain',
    'Schädel',
    'Crâne',
    'Tête',
    'CHEST',
    'Thorax 1.5',
    'CT Abdomen/Pelvis',
    'ABD_PELVIS abdomen',
    'LSPINE',
    'L-Spine',
    'TSPINE',
    'T SPINE',
    'Lumbar spine',
    'LWS',
    'TLSPINE',
    'Paranasal sinuses',
    'Knee',
    'Hand',
    'Maxillofacial',
  ])('reads %s as another region', (seriesDescription) => {
    expect(claimedRegion(instanceOf({ seriesDescription }).header)).toBe('elsewhere');
  });

  it.each([
    '',
    'Axial 1.0',
    'BONE',
    'SPINE',
    'Polytrauma',
    'WHOLEBODY',
    'Colonna',
    'Coronal',
    'Surface',
    '3',
    'CT spine',
  ])('leaves %s open', (seriesDescription) => {
    expect(claimedRegion(instanceOf({ seriesDescription }).header)).toBe('unknown');
  });

  it('believes the series description before the other tags, and any of those that names the neck', () => {
    expect(claimedRegion(instanceOf({ seriesDescription: 'C-Spine', bodyPartExamined: 'HEAD' }).header)).toBe('neck');
    expect(
      claimedRegion(instanceOf({ seriesDescription: 'Head', studyDescription: 'CT head and c-spine' }).header),
    ).toBe('elsewhere');
    expect(
      claimedRegion(
        instanceOf({ seriesDescription: 'Bone 1.0', bodyPartExamined: 'HEAD', studyDescription: 'CT C-Spine' }).header,
      ),
    ).toBe('neck');
    expect(claimedRegion(instanceOf({ seriesDescription: 'Bone 1.0', bodyPartExamined: 'HEAD' }).header)).toBe(
      'elsewhere',
    );
  });
});
