package auth_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
	"studychat/db"
)

const (
	notValid = "The token is not valid."
	expired  = "The token has expired."
)

// badToken differs from a good one only in what its reason names.
type badToken struct {
	reason, token string
	says          string // "" for notValid
}

// TestBadTokens checks that every verifier refuses all of them without a reason.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // for exact seconds
		es256, published := newES256(t, "k1")
		weak, weakPublished := newRSA(t, "weak", 1024)
		enc, encPublished := newES256(t, "enc")
		rs256, rsaPublished := newRSA(t, "rsa", 2048)
		// All of these are in the provider's set, including keys that must not verify anything.
		provider, stop := startProvider(t, serving(published, weakPublished,
			changed(encPublished, map[string]any{"use": "enc"}),
			rsaPublished,
			map[string]any{"kty": "oct", "kid": "oct", "alg": "HS256", "k": part(secret)},
		))
		defer stop()
		byKeys := provider.verifier(t)
		defer byKeys.Stop()

		refuses(t, "secret", newHS256(t), hs256(), append(badTokens(t, hs256()), badForSecret(t, rs256)...))
		refuses(t, "keys", byKeys, es256, append(badTokens(t, es256), badForKeys(t, es256, rs256, weak, enc)...))
		acceptsGood(t, "keys", byKeys, rs256)
		if n := len(provider.times()); n != 1 {
			t.Errorf("the keys were fetched %d times", n)
		}
	})
}

func refuses(t *testing.T, name string, v *auth.JWT, s signer, tokens []badToken) {
	t.Helper()
	acceptsGood(t, name, v, s)
	for _, bad := range tokens {
		says := bad.says
		if says == "" {
			says = notValid
		}
		viewer, err := v.Verify(t.Context(), bad.token)
		own, _ := errors.AsType[*db.Error](err)
		if own == nil || own.Code != db.CodeUnauthenticated || own.Message != says || viewer.ID != "" {
			t.Errorf("%s, %s: viewer %+v, %v", name, bad.reason, viewer, err)
		}
	}
	acceptsGood(t, name, v, s)
	t.Logf("%s: %d bad tokens", name, len(tokens))
}

// acceptsGood is the control: the token that all bad ones are made from passes, and so do unusual valid ones.
func acceptsGood(t *testing.T, name string, v *auth.JWT, s signer) {
	t.Helper()
	now := time.Now().Unix()
	tokens := map[string]string{
		"plain":                           s.good(t),
		"expired 29 s ago":                s.claims(t, with("exp", now-29)),
		"a fraction of a second":          s.claims(t, with("exp", float64(now)+60.5)),
		"usable in 29 s":                  s.claims(t, with("nbf", now+29)),
		"issued in 29 s":                  s.claims(t, with("iat", now+29)),
		"for other audiences, too":        s.claims(t, with("aud", []string{"other", audience})),
		"without scopes":                  s.claims(t, with("scope", nil)),
		"an access token (RFC 9068)":      s.token(t, payload(good()), map[string]any{"typ": "at+jwt"}),
		"without a type":                  s.token(t, payload(good()), map[string]any{"typ": nil}),
		"headers that are not critical":   s.token(t, payload(good()), map[string]any{"jku": "https://evil.example", "b64": true}),
		"the longest subject":             s.claims(t, with("sub", strings.Repeat("é", 200))),
		"a claim with the name of a user": s.claims(t, with("SUB", "eve")),
	}
	for reason, token := range tokens {
		viewer, err := v.Verify(t.Context(), token)
		if err != nil || viewer.ID != "ann" && reason != "the longest subject" {
			t.Errorf("%s, %s: viewer %+v, %v", name, reason, viewer, err)
		}
	}
}

func payload(claims jwt.MapClaims) string {
	text, _ := json.Marshal(claims)
	return string(text)
}

// badTokens returns tokens that every verifier must refuse. s signs those with a signature.
func badTokens(t *testing.T, s signer) []badToken {
	t.Helper()
	out := badForms(t, s)
	out = append(out, badHeaders(t, s)...)
	out = append(out, badTimes(t, s)...)
	return append(out, badNames(t, s)...)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" // RFC 4648, 5

func badForms(t *testing.T, s signer) []badToken {
	t.Helper()
	token := s.good(t)
	parts := strings.Split(token, ".")
	body := func(text string) string { return s.token(t, text, nil) }
	raw, _ := base64.RawURLEncoding.DecodeString(parts[2])
	raw[0] ^= 1
	return []badToken{
		{reason: "empty", token: ""},
		{reason: "white space", token: "   "},
		{reason: "garbage", token: "garbage"},
		{reason: "two dots alone", token: ".."},
		{reason: "without a signature", token: parts[0] + "." + parts[1]},
		{reason: "with an empty signature", token: parts[0] + "." + parts[1] + "."},
		{reason: "a fourth part", token: token + ".e30"},
		{reason: "five parts, as an encrypted token (RFC 7516)", token: token + ".e30.e30"},
		{reason: "a dot at the end", token: token + "."},
		{reason: "white space before", token: " " + token},
		{reason: "a line break at the end", token: token + "\n"},
		{reason: "a line break within", token: parts[0] + ".\n" + parts[1] + "." + parts[2]},
		{reason: "NUL at the end", token: token + "\x00"},
		{reason: "garbage at the end", token: token + "AAAA"},
		{reason: "padding", token: token + "="},
		{reason: "loose bits in the last character", token: token[:len(token)-1] + string(alphabet[strings.IndexByte(alphabet, token[len(token)-1])+1])},
		{reason: "another subject under the same signature", token: parts[0] + "." + part(payload(with("sub", "eve"))) + "." + parts[2]},
		{reason: "another header under the same signature", token: part(`{"alg":"`+s.method.Alg()+`","kid":"k1","x":1}`) + "." + parts[1] + "." + parts[2]},
		{reason: "one bit of the signature", token: parts[0] + "." + parts[1] + "." + part(string(raw))},
		{reason: "a signature of zeros (CVE-2022-21449)", token: parts[0] + "." + parts[1] + "." + part(strings.Repeat("\x00", len(raw)))},
		{reason: "longer than 8 KB", token: s.claims(t, with("pad", strings.Repeat("a", 9000)))},
		{reason: "header and payload swapped", token: parts[1] + "." + parts[0] + "." + parts[2]},
		{reason: "payload null", token: body("null")},
		{reason: "payload a list", token: body("[" + payload(good()) + "]")},
		{reason: "payload a text", token: body(`"ann"`)},
		{reason: "payload empty", token: body("")},
		{reason: "payload an empty object", token: body("{}")},
		{reason: "payload two objects", token: body(payload(good()) + "{}")},
		{reason: "payload with a byte order mark", token: body("\ufeff" + payload(good()))},
		{reason: "payload truncated", token: body(strings.TrimSuffix(payload(good()), "}"))},
	}
}

func badHeaders(t *testing.T, s signer) []badToken {
	t.Helper()
	with := func(name string, value any) string { return s.token(t, payload(good()), map[string]any{name: value}) }
	parts := strings.Split(s.good(t), ".")
	unsigned := func(alg string) string {
		return part(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + parts[1] + "."
	}
	evil, evilKey := newES256(t, "k1")
	evil.header = maps.Clone(evil.header)
	forged := func(header map[string]any) string { return evil.token(t, payload(good()), header) }
	return []badToken{
		{reason: "alg none", token: unsigned("none")},
		{reason: "alg nOnE", token: unsigned("nOnE")},
		{reason: "alg none with a signature", token: with("alg", "none")},
		{reason: "alg empty", token: with("alg", "")},
		{reason: "alg missing", token: with("alg", nil)},
		{reason: "alg a number", token: with("alg", 256)},
		{reason: "alg in small letters", token: with("alg", strings.ToLower(s.method.Alg()))},
		{reason: "alg unknown", token: with("alg", "XX256")},
		{reason: "a sibling of the algorithm", token: with("alg", s.method.Alg()[:2]+"384")},
		{reason: "header not JSON", token: part("{") + "." + parts[1] + "." + parts[2]},
		{reason: "header a list", token: part("[]") + "." + parts[1] + "." + parts[2]},
		{reason: "header null", token: part("null") + "." + parts[1] + "." + parts[2]},
		{reason: "a critical extension (RFC 7515, 4.1.11)", token: with("crit", []string{"exp"})},
		{reason: "an unencoded payload (RFC 7797)", token: s.token(t, payload(good()), map[string]any{"crit": []string{"b64"}, "b64": false})},
		{reason: "crit empty", token: with("crit", []string{})},
		{reason: "crit null", token: with("crit", json.RawMessage("null"))},
		{reason: "another key of the same name", token: forged(nil)},
		{reason: "a key in the header (jwk)", token: forged(map[string]any{"jwk": evilKey})},
		{reason: "the address of a key set (jku)", token: forged(map[string]any{"jku": "http://provider.example/evil"})},
		{reason: "the address of a certificate (x5u)", token: forged(map[string]any{"x5u": "http://provider.example/evil"})},
		{reason: "a certificate (x5c)", token: forged(map[string]any{"x5c": []string{"MIIB"}})},
	}
}

func badTimes(t *testing.T, s signer) []badToken {
	t.Helper()
	now := time.Now().Unix()
	claim := func(name string, value any) string { return s.claims(t, with(name, value)) }
	raw := func(name, value string) string { // encoding/json would not write this
		text := strings.Replace(payload(with(name, "RAW")), `"RAW"`, value, 1)
		return s.token(t, text, nil)
	}
	return []badToken{
		{"expired 31 s ago", claim("exp", now-31), expired},
		{"expired a year ago", claim("exp", now-365*86400), expired},
		{"expired in 1970", claim("exp", 0), expired},
		{reason: "exp missing", token: claim("exp", nil)},
		{reason: "exp null", token: raw("exp", "null")},
		{reason: "exp a text", token: raw("exp", `"9999999999"`)},
		{reason: "exp an RFC 3339 time", token: raw("exp", `"2999-01-01T00:00:00Z"`)},
		{reason: "exp true", token: raw("exp", "true")},
		{reason: "exp a list", token: raw("exp", "[9999999999]")},
		{reason: "exp negative", token: claim("exp", -1)},
		{reason: "exp in milliseconds", token: claim("exp", (now+60)*1000)},
		{reason: "exp beyond 64 bits", token: raw("exp", "1e300")},
		{reason: "exp beyond a float", token: raw("exp", "1e999")},
		{reason: "EXP", token: s.claims(t, renamed("exp", "EXP"))},
		{reason: "usable in 31 s", token: claim("nbf", now+31)},
		{reason: "nbf a text", token: raw("nbf", `"0"`)},
		{reason: "issued in 31 s", token: claim("iat", now+31)},
		{reason: "iat a text", token: raw("iat", `"0"`)},
		{reason: "exp twice, the second good", token: s.token(t, strings.Replace(payload(good()), "{", `{"exp":1,`, 1), nil)},
	}
}

// renamed returns good claims with one claim renamed.
func renamed(from, to string) jwt.MapClaims {
	c := good()
	c[to] = c[from]
	delete(c, from)
	return c
}

func badNames(t *testing.T, s signer) []badToken {
	t.Helper()
	claim := func(name string, value any) string { return s.claims(t, with(name, value)) }
	raw := func(name, value string) string {
		return s.token(t, strings.Replace(payload(with(name, "RAW")), `"RAW"`, value, 1), nil)
	}
	return []badToken{
		{reason: "iss missing", token: claim("iss", nil)},
		{reason: "iss empty", token: claim("iss", "")},
		{reason: "iss null", token: raw("iss", "null")},
		{reason: "another issuer", token: claim("iss", "https://evil.example")},
		{reason: "the issuer with a slash", token: claim("iss", issuer+"/")},
		{reason: "the issuer in capitals", token: claim("iss", strings.ToUpper(issuer))},
		{reason: "the issuer in a list", token: claim("iss", []string{issuer})},
		{reason: "ISS", token: s.claims(t, renamed("iss", "ISS"))},
		{reason: "aud missing", token: claim("aud", nil)},
		{reason: "aud empty", token: claim("aud", "")},
		{reason: "aud null", token: raw("aud", "null")},
		{reason: "aud an empty list", token: claim("aud", []string{})},
		{reason: "another audience", token: claim("aud", "other")},
		{reason: "a list of others", token: claim("aud", []string{"other", audience + "2"})},
		{reason: "a list with a number", token: claim("aud", []any{audience, 1})},
		{reason: "aud an object", token: claim("aud", map[string]string{audience: audience})},
		{reason: "sub missing", token: claim("sub", nil)},
		{reason: "sub empty", token: claim("sub", "")},
		{reason: "sub null", token: raw("sub", "null")},
		{reason: "sub a number", token: claim("sub", 7)},
		{reason: "sub a list", token: claim("sub", []string{"ann"})},
		{reason: "sub white space", token: claim("sub", " \t ")},
		{reason: "white space around sub", token: claim("sub", " ann ")},
		{reason: "NUL in sub", token: claim("sub", "ann\x00")},
		{reason: "a line break in sub", token: claim("sub", "ann\nadmin")},
		{reason: "an escape character in sub", token: claim("sub", "\x1b[31mann")},
		{reason: "sub too long", token: claim("sub", strings.Repeat("a", 201))},
		{reason: "half a surrogate pair in sub", token: raw("sub", `"ann\ud800"`)},
		{reason: "broken UTF-8 in sub", token: raw("sub", "\"ann\xff\"")},
		{reason: "SUB", token: s.claims(t, renamed("sub", "SUB"))},
		{reason: "sub twice", token: s.token(t, strings.Replace(payload(good()), "{", `{"sub":"eve",`, 1), nil)},
		{reason: "scope a list", token: claim("scope", []string{"assistant"})},
	}
}

// badForSecret returns tokens that a verifier with a secret must refuse.
func badForSecret(t *testing.T, rs256 signer) []badToken {
	t.Helper()
	sign := func(method jwt.SigningMethod, key string) string {
		return signer{method, []byte(key), map[string]any{"alg": method.Alg()}}.good(t)
	}
	return []badToken{
		{reason: "another secret", token: sign(jwt.SigningMethodHS256, "another secret of thirty-two bytes..")},
		{reason: "an empty secret", token: sign(jwt.SigningMethodHS256, "")},
		{reason: "the secret with a line break", token: sign(jwt.SigningMethodHS256, secret+"\n")},
		{reason: "HS384 with the secret", token: sign(jwt.SigningMethodHS384, secret)},
		{reason: "HS512 with the secret", token: sign(jwt.SigningMethodHS512, secret)},
		{reason: "signed by a key pair", token: rs256.good(t)},
	}
}

// badForKeys returns tokens that a verifier with fetched keys must refuse. rs256, weak and enc are in the provider's
// set.
func badForKeys(t *testing.T, es256, rs256, weak, enc signer) []badToken {
	t.Helper()
	public := &rs256.key.(*rsa.PrivateKey).PublicKey
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	hmac := func(kid, key string) string {
		return signer{jwt.SigningMethodHS256, []byte(key), map[string]any{"alg": "HS256", "kid": kid}}.good(t)
	}
	named := func(kid any) string { return es256.token(t, payload(good()), map[string]any{"kid": kid}) }
	ps256 := rs256
	ps256.header = map[string]any{"alg": "PS256", "kid": "rsa"}
	unknown, _ := newES256(t, "unknown")
	p384, _ := newEC(t, "k1", jwt.SigningMethodES384, curves[1])
	return []badToken{
		{reason: "HS256 with the public key in PEM", token: hmac("rsa", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))},
		{reason: "HS256 with the public key in DER", token: hmac("rsa", string(der))},
		{reason: "HS256 with the modulus", token: hmac("rsa", string(public.N.Bytes()))},
		{reason: "HS256 with the modulus as it is published", token: hmac("rsa", part(string(public.N.Bytes())))},
		{reason: "HS256 with a symmetric key of the set", token: hmac("oct", secret)},
		{reason: "HS256 with an empty key, and a path for a name", token: hmac("../../../../../../dev/null", "")},
		{reason: "a weak key of the set", token: weak.good(t)},
		{reason: "a key of the set that is for encryption", token: enc.good(t)},
		{reason: "another algorithm than it was signed with", token: ps256.good(t)},
		{reason: "another curve", token: p384.good(t)},
		{reason: "a signature in ASN.1", token: asn1Signed(t, es256)},
		{reason: "a name that is not in the set", token: unknown.good(t)},
		{reason: "the name of another key", token: named("rsa")},
		{reason: "a path for a name", token: named("../k1")},
		{reason: "SQL for a name", token: named("k1' OR '1'='1")},
		{reason: "an address for a name", token: named("http://provider.example/evil")},
		{reason: "the name with NUL", token: named("k1\x00")},
		{reason: "the name in capitals", token: named("K1")},
		{reason: "a number for a name", token: named(1)},
		{reason: "a list for a name", token: named([]string{"k1"})},
		{reason: "an empty name", token: named("")},
		{reason: "no name, and another key", token: unknown.token(t, payload(good()), map[string]any{"kid": nil})},
		{reason: "no name, and no key of the algorithm", token: p384.token(t, payload(good()), map[string]any{"kid": nil})},
	}
}

// asn1Signed encodes the signature as other protocols do; RFC 7518, 3.4 requires the two numbers side by side.
func asn1Signed(t *testing.T, s signer) string {
	t.Helper()
	parts := strings.Split(s.good(t), ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[2])
	return parts[0] + "." + parts[1] + "." + part(asn1Pair(new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])))
}
