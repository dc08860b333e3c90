import type { ComponentChildren } from 'preact';

/** A form below a table that adds something to it. It is emptied when `add`, run by `act`, has succeeded. */
export function AddForm({
  title,
  button,
  act,
  add,
  children,
}: {
  title: string;
  button: string;
  act: (action: () => Promise<unknown>) => void;
  add: (form: HTMLFormElement) => Promise<unknown>;
  children: ComponentChildren;
}) {
  return (
    <form
      class="narrow"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        act(async () => {
          await add(form);
          form.reset();
        });
      }}
    >
      <h2>{title}</h2>
      {children}
      <button type="submit">{button}</button>
    </form>
  );
}
