import {keep, recall} from '../storage.ts';

// SIGN_IN_URL of the server: the page comes with the address of an identity provider, with {redirect} and {state} where those belong. The
// provider leads back with the token in the fragment, which no server sees: #access_token=…&state=…
const stateKey = 'studychat.sign-in-state';

/** The provider's address, or an empty text. */
export function providerAddress(): string {
  const address = document.querySelector<HTMLMetaElement>('meta[name="studychat-sign-in"]')?.content ?? '';
  return /^https?:/.test(address) ? address : '';
}

/** Goes to the provider, and remembers where to come back to. */
export function goToProvider(): void {
  const state = `${crypto.randomUUID()}|${location.pathname}`;
  keep(stateKey, state, 'sessionStorage');
  location.assign(providerAddress()
    .replaceAll('{redirect}', encodeURIComponent(`${location.origin}/`))
    .replaceAll('{state}', encodeURIComponent(state)));
}

/** What the provider has put into the address. */
export interface Answer {
  token?: string;
  problem?: string; // why there is no token
}

/** Takes the provider's answer, if this page has asked for it, and cleans the address. */
export function takeAnswer(): Answer {
  const answer = new URLSearchParams(location.hash.slice(1));
  const token = answer.get('access_token') ?? answer.get('id_token');
  const problem = answer.get('error_description') ?? answer.get('error');
  if (!token && !problem) return {};
  const asked = recall(stateKey, 'sessionStorage');
  keep(stateKey, null, 'sessionStorage');
  const expected = asked !== null && answer.get('state') === asked;
  history.replaceState(null, '', expected ? asked.slice(asked.indexOf('|') + 1) : location.pathname);
  if (!expected) return {};
  return token ? {token} : {problem: problem!};
}
