import {createStudychat, type Studychat} from '@studychat/client';
import {useSyncExternalStore} from 'react';
import {forgetDrafts} from './composer/drafts.ts';
import {keep, recall} from './storage.ts';

// A token lives as long as the browser tab, like the playground's headers: in localStorage it would stay on the disk, for the
// next user of the computer.
const tokenKey = 'studychat.token';

const open = () => createStudychat({url: '/graphql', getToken: () => recall(tokenKey, 'sessionStorage')});

let session = {client: open(), number: 0};
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

function restart(token: string): void {
  keep(tokenKey, token, 'sessionStorage');
  session = {client: open(), number: session.number + 1};
  for (const listener of listeners) listener();
}

/** The client of the user who is signed in, and a number that no other session of this page has. */
export function useSession(): {client: Studychat; number: number} {
  return useSyncExternalStore(subscribe, () => session);
}

/** Whether a token is known, though it may have ended. */
export const hasToken = () => recall(tokenKey, 'sessionStorage') !== null;

/** Goes on with another token, perhaps of another user. */
export function signIn(token: string): void {
  session.client.close();
  restart(token.trim().replace(/^Bearer\s+/i, ''));
}

/** Forgets the user: the token, the drafts, and what waits to be sent. */
export async function signOut(): Promise<void> {
  await session.client.signOut();
  forgetDrafts();
  keep(tokenKey, null, 'sessionStorage');
  location.assign('/'); // so that nothing of the user is left in memory either
}
