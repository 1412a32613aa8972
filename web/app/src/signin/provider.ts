import {keep, recall} from '../storage.ts';

// The place for an identity provider: index.html names its address, with {redirect} and {state} where those belong. It comes back with
// the token in the fragment, which no server sees: #access_token=…&state=…
const stateKey = 'studychat.sign-in-state';

/** The provider's address, or an empty text. */
export function providerAddress(): string {
  const address = document.querySelector<HTMLMetaElement>('meta[name="studychat-sign-in"]')?.content ?? '';
  return /^(https:|\/)/.test(address) ? address : '';
}

/** Goes to the provider, and remembers where to come back to. */
export function goToProvider(): void {
  const state = `${crypto.randomUUID()}|${location.pathname}`;
  keep(stateKey, state, 'sessionStorage');
  location.assign(providerAddress()
    .replace('{redirect}', encodeURIComponent(`${location.origin}/`))
    .replace('{state}', encodeURIComponent(state)));
}

/** Takes the token that the provider has put into the address, if this page has asked for it, and cleans the address. */
export function takeToken(): string | null {
  const answer = new URLSearchParams(location.hash.slice(1));
  const token = answer.get('access_token') ?? answer.get('id_token');
  if (!token) return null;
  const asked = recall(stateKey, 'sessionStorage');
  keep(stateKey, null, 'sessionStorage');
  const expected = asked !== null && answer.get('state') === asked;
  history.replaceState(null, '', expected ? asked.slice(asked.indexOf('|') + 1) : location.pathname);
  return expected ? token : null;
}
