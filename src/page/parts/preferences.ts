/** What a reader chose on this browser. A browser that keeps nothing still works, with the default each time. */
export interface Preferences {
  theme: 'dark' | 'light';
  singleKeys: 'on' | 'off';
  /** Sagittal and coronal in the case view: every slice is decoded for them. */
  reformats: 'on' | 'off';
  /** Columns that the list leaves out, separated by spaces. */
  hiddenColumns: string;
  sound: 'on' | 'off';
  notices: 'on' | 'off';
  /** `hh:mm`, or empty. */
  quietFrom: string;
  quietTo: string;
  /** Of the wall screen: its diagonal in inches and how far away it is read, metres; empty until set up. */
  wallInches: string;
  wallMetres: string;
  /** Case references that have had their chime, separated by spaces. */
  heard: string;
}

const DEFAULTS: Preferences = {
  theme: 'dark',
  singleKeys: 'on',
  reformats: 'off',
  hiddenColumns: '',
  sound: 'off',
  notices: 'off',
  quietFrom: '',
  quietTo: '',
  wallInches: '',
  wallMetres: '',
  heard: '',
};

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
