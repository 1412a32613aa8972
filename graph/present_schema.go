package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/graph/limits"
)

// echoing are the rules whose messages name nothing but what the client sent.
var echoing = map[string]bool{
	"FragmentsOnCompositeTypes": true, "KnownDirectives": true, "KnownFragmentNames": true, "KnownRootType": true,
	"KnownTypeNames": true, "LoneAnonymousOperation": true, "MaxIntrospectionDepth": true, "NoFragmentCycles": true,
	"NoUndefinedVariables": true, "NoUnusedFragments": true, "NoUnusedVariables": true, "SingleFieldSubscriptions": true,
	"UniqueArgumentNames": true, "UniqueDirectivesPerLocation": true, "UniqueFragmentNames": true, "UniqueInputFieldNames": true,
	"UniqueOperationNames": true, "UniqueVariableNames": true, "VariablesAreInputTypes": true,
}

// tellingAfter are the rules whose messages begin with what the client sent, and where they go on with more.
var tellingAfter = map[string]string{
	"FieldsOnCorrectType":          " on type",
	"KnownArgumentNames":           " on field",
	"OverlappingFieldsCanBeMerged": " because",
}

// instead is said for the other rules, whose messages name types and required arguments.
var instead = map[string]string{
	"PossibleFragmentSpreads":    "A fragment of this type can never apply here.",
	"ProvidedRequiredArguments":  "A required argument is missing.",
	"ScalarLiterals":             "The value is not what is expected here.",
	"ScalarLeafs":                "A selection of fields is missing, or stands where there are none.",
	"ValuesOfCorrectType":        "The value is not what is expected here.",
	"VariablesInAllowedPosition": "The variable is of another type than what is expected here.",
}

// hideSchema takes out of one of GraphQL's own errors whatever of the schema the client did not name itself, for servers
// that do not show their schema. A rule that is not known here says nothing at all.
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
