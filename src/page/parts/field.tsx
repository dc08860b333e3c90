import type { JSX } from 'preact';

/** A labelled input. */
export function Field({ label, ...input }: { label: string } & JSX.IntrinsicElements['input']) {
  return (
    <label class="field">
      <span>{label}</span>
      <input required {...input} />
    </label>
  );
}

/** Text of a field in a submitted form. */
export function valueOf(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === 'string' ? value : '';
}
