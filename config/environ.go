package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// prefix may come before every name: STUDYCHAT_DATABASE_URL wins over DATABASE_URL.
const prefix = "STUDYCHAT_"

// collect returns the settings by their name without the prefix, secrets in files included. A name with the prefix that is not a setting is a mistake: most
// likely a misspelt one.
func collect(environ []string) (values map[string]string, mistakes []string) {
	values = map[string]string{}
	known := names()
	for _, name := range secrets {
		known = append(known, name+fileSuffix)
	}
	for _, line := range environ {
		if name, value, _ := strings.Cut(line, "="); value != "" && slices.Contains(known, name) {
			values[name] = value
		}
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		bare, prefixed := strings.CutPrefix(name, prefix)
		switch {
		case !prefixed:
		case !slices.Contains(known, bare):
			mistakes = append(mistakes, name+" is not a setting.")
		case value != "":
			values[bare] = value
		}
	}
	return values, append(mistakes, readSecrets(values)...)
}

// names returns the names of all settings.
func names() []string {
	fields, err := env.GetFieldParams(&Settings{})
	if err != nil {
		panic(err) // a struct tag is wrong
	}
	var all []string
	for _, field := range fields {
		if field.Key != "" {
			all = append(all, field.Key)
		}
	}
	return all
}

// explain turns the parser's errors into sentences without the values.
func explain(err error) []string {
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []string{"The environment cannot be read."}
	}
	var lines []string
	for _, one := range all.Errors {
		line := "The environment cannot be read."
		if bad, ok := errors.AsType[env.ParseError](one); ok {
			line = settingOf(bad.Name) + " must be " + article(bad.Type.String()) + "."
		}
		lines = append(lines, line)
	}
	return lines
}

// settingOf returns the name of the setting that is stored in a field: the field's name is its end, without underscores.
func settingOf(field string) string {
	all := names()
	i := slices.IndexFunc(all, func(name string) bool {
		return strings.HasSuffix(strings.ReplaceAll(name, "_", ""), strings.ToUpper(field))
	})
	if i < 0 {
		return field
	}
	return all[i]
}

// sameSetting returns whether another mistake begins with the same setting.
func sameSetting(mistake string) func(string) bool {
	name, _, _ := strings.Cut(mistake, " ")
	return func(other string) bool { return strings.HasPrefix(other, name+" ") }
}

func article(goType string) string {
	switch goType {
	case "int":
		return "a whole number"
	case "float64":
		return "a number such as 0.1"
	case "time.Duration":
		return "a duration such as 30s"
	}
	return "a " + goType
}
