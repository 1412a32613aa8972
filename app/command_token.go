package app

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/config"
)

// makeToken is `studychat token`: a token as the server with JWT_SECRET takes it.
func makeToken(settings config.Auth, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	sub := flags.String("sub", "", "")
	name := flags.String("name", "", "")
	scope := flags.String("scope", "", "")
	ttl := flags.Duration("ttl", time.Hour, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: token: %w", errUsage, err)
	}
	switch {
	case settings.Secret == "":
		return fmt.Errorf("%w: token needs JWT_SECRET: who has the key of JWKS_URL makes the tokens", errUsage)
	case *sub == "" || flags.NArg() > 0 || *ttl <= 0:
		return fmt.Errorf("%w: token --sub USER [--name NAME] [--scope \"SCOPE …\"] [--ttl 1h]", errUsage)
	}
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": settings.Issuer, "aud": settings.Audience, "sub": *sub, "iat": now.Unix(), "exp": now.Add(*ttl).Unix(),
	}
	for claim, value := range map[string]string{"name": *name, "scope": *scope} {
		if value != "" {
			claims[claim] = value
		}
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(settings.Secret))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	_, err = fmt.Fprintln(out, signed)
	return err
}
