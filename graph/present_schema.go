package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/graph/limits"
)

// echoing are the rules whose messages name only what the client sent.
var echoing = map[string]bool{
	"FragmentsOnCompositeTypes": true, "KnownDirectives": true, "KnownFragmentNames": true, "KnownRootType": true,
	"KnownTypeNames": true, "LoneAnonymousOperation": true, "MaxIntrospectionDepth": true, "NoFragmentCycles": true,
	"NoUndefinedVariables": true, "NoUnusedFragments": true, "NoUnusedVariables": true, "SingleFieldSubscriptions": true,
	"UniqueArgumentNames": true, "UniqueDirectivesPerLocation": true, "UniqueFragmentNames": true, "UniqueInputFieldNames": true,
	"UniqueOperationNames": true, "UniqueVariableNames": true, "VariablesAreInputTypes": true,
}

// tellingAfter are the rules whose messages begin with what the client sent, and the words after which they name more.
var tellingAfter = map[string]string{
	"FieldsOnCorrectType":          " on type",
	"KnownArgumentNames":           " on field",
	"OverlappingFieldsCanBeMerged": " because",
}

// instead are the messages for the other rules, whose own name types and required arguments.
var instead = map[string]string{
	"PossibleFragmentSpreads":    "A fragment of this type can never apply here.",
	"ProvidedRequiredArguments":  "A required argument is missing.",
	"ScalarLiterals":             "The value is not what is expected here.",
	"ScalarLeafs":                "A selection of fields is missing, or stands where there are none.",
	"ValuesOfCorrectType":        "The value is not what is expected here.",
	"VariablesInAllowedPosition": "The variable is of another type than what is expected here.",
}

// hideSchema takes out of an error of GraphQL all names of the schema that the client did not send itself, for servers that
// hide their schema. The message of an unknown rule is replaced.
func hideSchema(err *gqlerror.Error) (message string, path ast.Path) {
	if len(err.Path) > 1 && err.Path[0] == ast.PathName("variable") {
		return "The variable's value is not of its type.", err.Path[:2]
	}
	if err.Rule == "" {
		return err.Message, err.Path // syntax, limits
	}
	rule := strings.TrimSuffix(err.Rule, limits.Unsuggesting)
	if echoing[rule] {
		return err.Message, err.Path
	}
	if mark, ok := tellingAfter[rule]; ok {
		if begin, _, found := strings.Cut(err.Message, mark); found {
			return begin + ".", err.Path
		}
		return err.Message, err.Path
	}
	if text, ok := instead[rule]; ok {
		return text, err.Path
	}
	return "The document is not valid.", err.Path
}
