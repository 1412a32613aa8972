package config

import (
	"io"
	"os"
	"strings"
)

// secrets are the settings that may hold a secret. NAME_FILE names a file with the value instead, as orchestrators mount them.
var secrets = []string{"DATABASE_URL", "REDIS_URL", "REDIS_TOKEN", "REDIS_SENTINEL_PASSWORD", "JWT_SECRET"}

const (
	fileSuffix    = "_FILE"
	maxSecretFile = 64 << 10 // bytes
)

// readSecrets adds to values what the files hold, without the line's end.
func readSecrets(values map[string]string) (mistakes []string) {
	for _, name := range secrets {
		file := values[name+fileSuffix]
		switch {
		case file == "":
		case values[name] != "":
			mistakes = append(mistakes, name+" and "+name+fileSuffix+" cannot both be set.")
		default:
			text, mistake := readSecret(file)
			if values[name] = text; mistake != "" {
				mistakes = append(mistakes, name+fileSuffix+" "+mistake)
			}
		}
	}
	return mistakes
}

func readSecret(name string) (text, mistake string) {
	file, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return "", "cannot be read: " + err.Error() + "."
	}
	defer file.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	text = strings.TrimRight(string(raw), "\r\n")
	switch {
	case err != nil:
		return "", "cannot be read: " + err.Error() + "."
	case len(raw) > maxSecretFile:
		return "", "names a file of more than 64 KiB."
	case text == "":
		return "", "names an empty file."
	}
	return text, ""
}
