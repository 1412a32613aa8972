package limits

import (
	"strings"

	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// maxErrors is how many errors of a document are reported. People do not read more, and each takes time and memory.
const maxErrors = 20

// Unsuggesting ends the names of the rules that suggest nothing.
const Unsuggesting = "WithoutSuggestions"

// Rules makes GraphQL's rules for one document at a time. With suggest, some of them look for similar names among a type's
// fields, arguments or values. None looks among all types of the schema, which takes longest.
func Rules(suggest bool) func() *rules.Rules {
	silent := []core.Rule{rules.KnownTypeNamesRuleWithoutSuggestions}
	if !suggest {
		silent = append(silent,
			rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
			rules.KnownArgumentNamesRuleWithoutSuggestions,
			rules.ScalarLeafsRuleWithoutSuggestions,
			rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
		)
	}
	return func() *rules.Rules {
		all := rules.NewDefaultRules()
		all.AddRule(scalarLiterals.Name, scalarLiterals.RuleFunc)
		for _, rule := range silent {
			all.RemoveRule(strings.TrimSuffix(rule.Name, Unsuggesting))
			all.AddRule(rule.Name, rule.RuleFunc)
		}
		left := maxErrors
		for name, rule := range all.GetInner() {
			all.ReplaceRule(name, atMost(&left, rule))
		}
		return all
	}
}

func atMost(left *int, rule core.RuleFunc) core.RuleFunc {
	return func(observers *core.Events, addError core.AddErrFunc) {
		rule(observers, func(options ...core.ErrorOption) {
			if *left > 0 {
				*left--
				addError(options...)
			}
		})
	}
}
