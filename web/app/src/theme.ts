import {keep, recall} from './storage.ts';

/** Light, dark, or what the device says. */
export type Theme = 'auto' | 'light' | 'dark';

/** The theme that the user chose. */
export function chosenTheme(): Theme {
  const known = recall('studychat.theme');
  return known === 'light' || known === 'dark' ? known : 'auto';
}

/** Applies a theme, and keeps it. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  if (theme !== chosenTheme()) keep('studychat.theme', theme === 'auto' ? null : theme);
}
