package limits

import (
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// scalarLiterals refuses the literals that gqlparser's ValuesOfCorrectType lets pass and GraphQL (5.6.1) does not: whole
// numbers of more than 32 bits, an empty object for a scalar or an enum, and literals that one of our own scalars cannot read.
var scalarLiterals = core.Rule{
	Name: "ScalarLiterals",
	RuleFunc: func(observers *core.Events, addError core.AddErrFunc) {
		observers.OnValue(func(_ *core.Walker, value *ast.Value) {
			if value.Definition == nil || value.ExpectedType == nil || fits(value) {
				return
			}
			addError(core.Message("%s cannot represent the value %s.", value.Definition.Name, briefLiteral(value)), core.At(value.Position))
		})
	},
}

// fits checks one value; the values in a list or an object are checked by themselves.
func fits(value *ast.Value) bool {
	isLeaf := value.Definition.Kind == ast.Scalar || value.Definition.Kind == ast.Enum
	switch {
	case !isLeaf, value.Kind == ast.Variable, value.Kind == ast.NullValue, value.Kind == ast.ListValue && value.ExpectedType.Elem != nil:
		return true
	case value.Definition.BuiltIn || value.Definition.Kind == ast.Enum:
		return value.Kind != ast.ObjectValue && !tooLong(value)
	}
	read, ok := scalars[value.Definition.Name]
	if !ok {
		return true
	}
	raw, err := value.Value(nil)
	if err == nil {
		_, err = read(raw)
	}
	return err == nil
}

// tooLong leaves numbers beyond 64 bits to ValuesOfCorrectType.
func tooLong(value *ast.Value) bool {
	if value.Kind != ast.IntValue || value.Definition.Name != "Int" {
		return false
	}
	n, err := strconv.ParseInt(value.Raw, 10, 64)
	return err == nil && (n < math.MinInt32 || n > math.MaxInt32)
}

func briefLiteral(value *ast.Value) string {
	switch value.Kind {
	case ast.ObjectValue:
		return "{…}"
	case ast.ListValue:
		return "[…]"
	case ast.StringValue, ast.BlockValue:
		return brief(value.Raw)
	}
	return Shorten(value.Raw, maxBrief)
}
