/** What a reader chose on this browser. A browser that keeps nothing still works, with the default each time. */
export interface Preferences {
  theme: 'dark' | 'light';
  singleKeys: 'on' | 'off';
}

const DEFAULTS: Preferences = { theme: 'dark', singleKeys: 'on' };

export function preference<Name extends keyof Preferences>(name: Name): Preferences[Name] {
  try {
    return (localStorage.getItem(`odontoid.${name}`) as Preferences[Name] | null) ?? DEFAULTS[name];
  } catch {
    return DEFAULTS[name];
  }
}

export function keepPreference<Name extends keyof Preferences>(name: Name, value: Preferences[Name]): void {
  try {
    localStorage.setItem(`odontoid.${name}`, value);
  } catch {
    // Storage is switched off: the choice lasts until the page is closed.
  }
}

export function applyTheme(theme: Preferences['theme']): void {
  document.documentElement.dataset['theme'] = theme;
}
