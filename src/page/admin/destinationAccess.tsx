import type { ConnectionsAnswer, DestinationEntry } from '../../answers/adminAnswers.ts';
import { Field } from '../parts/field.tsx';
import { Choice, FileChoice, Tick } from './destinationInputs.tsx';
import { destinationWords as words } from './destinationWords.ts';

type Auth = Extract<DestinationEntry, { kind: 'dicomweb' }>['auth'];
type Tls = NonNullable<DestinationEntry['tls']>;
type Files = ConnectionsAnswer['destinationFiles'];

const NEW_AUTH: Readonly<Record<string, Auth>> = {
  none: { kind: 'none' },
  basic: { kind: 'basic', username: '', password: {} },
  bearer: { kind: 'bearer', token: {} },
  oauth2: { kind: 'oauth2', tokenUrl: '', clientId: '', clientSecret: {}, scope: '', clientAuth: 'basic' },
};

/** By what a DICOMweb service lets the agent in; secrets by the names of their files. */
export function DestinationAuth({
  auth,
  files,
  onChange,
}: {
  auth: Auth;
  files: Files;
  onChange: (auth: Auth) => void;
}) {
  const text = (key: string, value: string) => ({
    label: words.fields[key as keyof typeof words.fields],
    value,
    autocomplete: 'off',
    onInput: (event: Event) => onChange({ ...auth, [key]: (event.currentTarget as HTMLInputElement).value }),
  });
  const secret = (key: 'password' | 'token' | 'clientSecret', { file }: { file?: string | undefined }) => (
    <FileChoice
      label={words.fields[key]}
      none={words.noFile}
      files={files}
      value={file}
      isRequired
      onChoose={(path) => onChange({ ...auth, [key]: path === undefined ? {} : { file: path } })}
    />
  );
  return (
    <fieldset class="destination-access">
      <legend>{words.access}</legend>
      <div class="destination-fields">
        <Choice
          label={words.fields.authKind}
          options={words.choices.authKind}
          value={auth.kind}
          onChoose={(kind) => onChange(NEW_AUTH[kind]!)}
        />
        {auth.kind === 'basic' && <Field {...text('username', auth.username)} maxLength={255} />}
        {auth.kind === 'basic' && secret('password', auth.password)}
        {auth.kind === 'bearer' && secret('token', auth.token)}
        {auth.kind === 'oauth2' && (
          <>
            <Field {...text('tokenUrl', auth.tokenUrl)} type="url" maxLength={1_024} />
            <Field {...text('clientId', auth.clientId)} maxLength={255} />
            {secret('clientSecret', auth.clientSecret)}
            <Field {...text('scope', auth.scope)} required={false} maxLength={1_024} />
            <Choice
              label={words.fields.clientAuth}
              options={words.choices.clientAuth}
              value={auth.clientAuth}
              onChoose={(clientAuth) => onChange({ ...auth, clientAuth } as Auth)}
            />
          </>
        )}
      </div>
      {auth.kind !== 'none' && <WhereFilesLie files={files} />}
    </fieldset>
  );
}

/** Certificates on both sides: of a PACS that is spoken to by DICOM TLS, and of a service with an https address. */
export function DestinationTls({
  destination,
  files,
  onChange,
}: {
  destination: DestinationEntry;
  files: Files;
  onChange: (tls: Tls | undefined) => void;
}) {
  const { tls } = destination;
  if (destination.kind === 'dicomweb' && tls === undefined && !/^https:/i.test(destination.url)) return null;
  const set = (key: keyof Tls, value: string | undefined) => {
    const next: Tls = { ...tls, [key]: value === '' ? undefined : value };
    const isEmpty = Object.values(next).every((one) => one === undefined);
    // To a PACS TLS is spoken without any file too; to a service its address says so.
    onChange(destination.kind === 'dicomweb' && isEmpty ? undefined : next);
  };
  const file = (key: 'caFile' | 'certFile' | 'keyFile', none: string) => (
    <FileChoice
      label={words.fields[key]}
      none={none}
      files={files}
      value={tls?.[key]}
      onChoose={(path) => set(key, path)}
    />
  );
  return (
    <fieldset class="destination-access">
      <legend>{words.tls}</legend>
      {destination.kind === 'dimse' && (
        <Tick
          label={words.speakTls}
          checked={tls !== undefined}
          onTick={(isWanted) => onChange(isWanted ? {} : undefined)}
        />
      )}
      {(destination.kind === 'dicomweb' || tls !== undefined) && (
        <>
          <div class="destination-fields">
            {file('caFile', words.osAuthorities)}
            {file('certFile', words.noFile)}
            {file('keyFile', words.noFile)}
            <Field
              label={words.fields.serverName}
              value={tls?.serverName ?? ''}
              required={false}
              autocomplete="off"
              maxLength={255}
              onInput={(event) => set('serverName', event.currentTarget.value)}
            />
          </div>
          <WhereFilesLie files={files} />
        </>
      )}
    </fieldset>
  );
}

const WhereFilesLie = ({ files: { folder, files } }: { files: Files }) => (
  <p class="muted">{words.filesOf(folder, files.length)}</p>
);
