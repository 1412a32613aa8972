package config

import (
	"slices"
	"strings"
	"testing"

	"studychat/test/services"
)

// TestRedisMistakes: each names its setting.
func TestRedisMistakes(t *testing.T) {
	t.Parallel()
	authority := services.NewFileAuthority(t)
	cert, key := authority.Issue("studychat")
	for _, c := range []struct {
		environ []string
		says    string // "": there is no mistake
	}{
		{[]string{"REDIS_URL=rediss://cache", "REDIS_CA_FILE=" + authority.File, "REDIS_CERT_FILE=" + cert, "REDIS_KEY_FILE=" + key}, ""},
		{[]string{"REDIS_URL=redis+sentinel://s1/m", "REDIS_SENTINEL_PASSWORD=x"}, ""},
		{[]string{"REDIS_URL=rediss+sentinel://s1/m", "REDIS_CA_FILE=" + authority.File, "REDIS_SENTINEL_USER=u", "REDIS_SENTINEL_PASSWORD=x"}, ""},
		{[]string{"REDIS_CA_FILE=" + authority.File}, "REDIS_CA_FILE is set, but REDIS_URL is not."},
		{[]string{"REDIS_URL=redis://cache", "REDIS_CA_FILE=" + authority.File}, "REDIS_CA_FILE: needs an address over TLS"},
		{[]string{"REDIS_URL=rediss://cache", "REDIS_CA_FILE=/nowhere"}, "REDIS_CA_FILE: open /nowhere: no such file"},
		{[]string{"REDIS_URL=rediss://cache", "REDIS_CA_FILE=" + key}, "REDIS_CA_FILE: holds no certificate in PEM."},
		{[]string{"REDIS_URL=rediss://cache", "REDIS_CERT_FILE=" + cert}, "REDIS_CERT_FILE and REDIS_KEY_FILE belong together."},
		{[]string{"REDIS_URL=rediss://cache", "REDIS_CERT_FILE=" + key, "REDIS_KEY_FILE=" + cert}, "REDIS_CERT_FILE and REDIS_KEY_FILE: "},
		{[]string{"REDIS_URL=redis://cache", "REDIS_SENTINEL_PASSWORD=x"}, "REDIS_SENTINEL_PASSWORD: needs the address of sentinels"},
		{[]string{"REDIS_URL=redis+sentinel://s1/m", "REDIS_SENTINEL_USER=u"}, "REDIS_SENTINEL_USER needs REDIS_SENTINEL_PASSWORD."},
	} {
		_, err := Read(slices.Clone(c.environ))
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v", c.environ, err)
		}
	}
}
