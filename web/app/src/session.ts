import {createStudychat, type Studychat} from '@studychat/client';
import {useSyncExternalStore} from 'react';
import {forget, keep, recall} from './storage.ts';

// A token lives as long as the browser tab, like the playground's headers: in localStorage it would stay on the disk, for the
// next user of the computer.
const tokenKey = 'studychat.token';

const open = () => createStudychat({url: '/graphql', getToken: () => recall(tokenKey, 'sessionStorage')});

let client = open();
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

function restart(token: string | null): void {
  keep(tokenKey, token, 'sessionStorage');
  client = open();
  for (const listener of listeners) listener();
}

/** The client of the user who is signed in. */
export function useClient(): Studychat {
  return useSyncExternalStore(subscribe, () => client);
}

/** Whether a token is known, though it may have ended. */
export const hasToken = () => recall(tokenKey, 'sessionStorage') !== null;

/** Goes on with another token, perhaps of another user. */
export function signIn(token: string): void {
  client.close();
  restart(token.trim().replace(/^Bearer\s+/i, ''));
}

/** Forgets the user: the token, the drafts, and what waits to be sent. */
export async function signOut(): Promise<void> {
  forget('studychat.draft.');
  await client.signOut();
  restart(null);
}
