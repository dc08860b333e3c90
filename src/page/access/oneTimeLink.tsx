import './oneTimeLink.css';

/** A link that is shown now and never again, and what it is for. */
export function OneTimeLink({ text, path }: { text: string; path: string }) {
  return (
    <div role="status" class="link">
      <p>{text}</p>
      <code>{new URL(path, location.href).href}</code>
    </div>
  );
}
