import {useState, type FormEvent} from 'react';
import {hasToken, signIn} from '../session.ts';
import {strings} from '../strings.ts';
import {Brand} from '../ui/Brand.tsx';
import {goToProvider, providerAddress} from './provider.ts';

/** Leads to the identity provider, or asks for a token. */
export function SignIn({problem}: {problem: string | undefined}) {
  const [token, setToken] = useState('');
  const provider = providerAddress() !== '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim()) signIn(token);
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <Brand />
        <h1>{strings.signIn}</h1>
        <p>{provider ? strings.signInProviderText : strings.signInText}</p>
        {hasToken() || problem ? <p className="problem" role="alert">{hasToken() ? strings.tokenRefused : strings.signInFailed(problem!)}</p> : null}
        {provider ? <>
          <button type="button" className="button primary wide" autoFocus onClick={goToProvider}>{strings.signInProvider}</button>
          <p className="or">{strings.signInOr}</p>
        </> : null}
        <label htmlFor="token">{strings.token}</label>
        <textarea id="token" rows={provider ? 2 : 4} autoFocus={!provider} autoComplete="off" spellCheck={false} dir="ltr" value={token} onChange={event => setToken(event.target.value)} />
        <button type="submit" className={provider ? 'button wide' : 'button primary wide'} disabled={!token.trim()}>{strings.signIn}</button>
      </form>
    </main>
  );
}
