/** Settings of this browser. Where the browser stores nothing, everything still works with the defaults. */
export interface Preferences {
  theme: 'dark' | 'light';
  singleKeys: 'on' | 'off';
  /** Sagittal and coronal planes in the case view: every slice is decoded for them. */
  reformats: 'on' | 'off';
  /** Hidden columns of the list, separated by spaces. */
  hiddenColumns: string;
  sound: 'on' | 'off';
  notices: 'on' | 'off';
  /** At which step of the escalation this desk rings: at once, or for flags that the desks before it have left unopened. */
  ringStep: '0' | '1' | '2';
  /** `hh:mm`, or empty. */
  quietFrom: string;
  quietTo: string;
  /** For the wall screen: its diagonal in inches and the viewing distance in metres; empty until set up. */
  wallInches: string;
  wallMetres: string;
  /** Case references that have already rung, separated by spaces. */
  heard: string;
  /** Arrival of the newest scan about which "read elsewhere?" was answered here, epoch ms. */
  leftOverAsked: string;
  /** Length of a shift, hours. */
  shiftHours: string;
  /** The sign-in after which the hand-over was looked at here: when its session ends, epoch ms. */
  handOverSeen: string;
  /** When a tab of this browser last sounded for a fault, epoch ms. */
  faultHeard: string;
}

const DEFAULTS: Preferences = {
  theme: 'dark',
  singleKeys: 'on',
  reformats: 'on',
  hiddenColumns: '',
  sound: 'off',
  notices: 'off',
  ringStep: '0',
  quietFrom: '',
  quietTo: '',
  wallInches: '',
  wallMetres: '',
  heard: '',
  leftOverAsked: '',
  shiftHours: '8',
  handOverSeen: '',
  faultHeard: '',
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
    // Storage is disabled: the setting lasts until the page is closed.
  }
}

export function applyTheme(theme: Preferences['theme']): void {
  document.documentElement.dataset['theme'] = theme;
}
