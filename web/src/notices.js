// What the page says when the server refuses: the reason is in the answer, what to do is here.

export const schemaHidden =
  'This server hides its schema (INTROSPECTION=off), so there is no documentation and no completion here. Operations run all the same.';

const howToAuthorize = 'type {"Authorization": "Bearer …"} under Headers, below the editor, and run the operation again. One tab is enough: the others use it too.';

/** For an answer by HTTP. Null: the answer speaks for itself. */
export function forStatus({status, message = '', tokenSent, origin}) {
  if (status === 401) return needsToken(tokenSent);
  if (status !== 403) return null;
  if (message.includes('localhost')) {
    return 'Without authentication the server answers only to names of its own machine. Open this page as http://localhost with the same port, or set JWT_SECRET or JWKS_URL on the server.';
  }
  return refusedOrigin(origin);
}

/** For a socket that was closed. Null: its code speaks for itself. */
export function forClose({code, tokenSent}) {
  return code === 4401 || code === 4403 ? needsToken(tokenSent) : null;
}

/**
 * For a socket that never opened: browsers do not tell why, so the page asks over HTTP. What is still open then is the way
 * between: over HTTP browsers vouch for a page that a proxy serves (Sec-Fetch-Site), for a socket the Host must fit.
 *
 * @param {{status?: number, message?: string}} probe the status is missing when the server cannot be reached
 */
export function forUnopened({probe, tokenSent, origin}) {
  if (probe.status === undefined) return 'The server cannot be reached. Is it running?';
  return (
    forStatus({...probe, tokenSent, origin}) ??
    `The server answers over HTTP, but the WebSocket does not open. A proxy between has to pass WebSockets on (in Vite: ws: true) and to keep the Host header (no changeOrigin); otherwise add ${origin} to the setting ALLOWED_ORIGINS and restart the server. The server logs a warning if it refused the origin.`
  );
}

function needsToken(tokenSent) {
  return tokenSent
    ? `The server does not accept the token: it has expired, or it was made for another server. To use another one, ${howToAuthorize}`
    : `The server asks for a token: ${howToAuthorize}`;
}

function refusedOrigin(origin) {
  return `The server refuses pages of ${origin}. A proxy in front of the server should keep the Host header (in Vite: no changeOrigin); otherwise add ${origin} to the setting ALLOWED_ORIGINS and restart the server.`;
}
