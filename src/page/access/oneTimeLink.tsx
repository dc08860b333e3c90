import './oneTimeLink.css';
import { below } from '../parts/basePath.ts';

/** A link that is shown only once, with its purpose. */
export function OneTimeLink({ text, path }: { text: string; path: string }) {
  return (
    <div role="status" class="link">
      <p>{text}</p>
      <code>{new URL(below(path), location.href).href}</code>
    </div>
  );
}
