import {useState, type FormEvent} from 'react';
import {hasToken, signIn} from '../session.ts';
import {strings} from '../strings.ts';
import {Brand} from '../ui/Brand.tsx';
import {goToProvider, providerAddress} from './provider.ts';

/** Asks for a token, or leads to the identity provider. */
export function SignIn() {
  const [token, setToken] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim()) signIn(token);
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <Brand />
        <h1>{strings.signIn}</h1>
        <p>{strings.signInText}</p>
        {hasToken() ? <p className="problem" role="alert">{strings.tokenRefused}</p> : null}
        {providerAddress() ? <>
          <button type="button" className="button primary wide" onClick={goToProvider}>{strings.signInProvider}</button>
          <p className="or">{strings.signInOr}</p>
        </> : null}
        <label htmlFor="token">{strings.token}</label>
        <textarea id="token" rows={4} autoFocus autoComplete="off" spellCheck={false} dir="ltr" value={token} onChange={event => setToken(event.target.value)} />
        <button type="submit" className="button primary wide" disabled={!token.trim()}>{strings.signIn}</button>
      </form>
    </main>
  );
}
