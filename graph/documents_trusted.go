package graph

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/graph/persisted"
)

// CheckManifest says which documents of a manifest could never run: the schema does not know what they ask for, or they
// are above the limits. For the start: a client whose operation fails is found late otherwise.
func CheckManifest(manifest *persisted.Manifest) error {
	var wrong []error
	for id, text := range manifest.All() {
		if err := checkTrusted(text); err != nil {
			wrong = append(wrong, fmt.Errorf("the trusted document %.100q: %w", id, err))
		}
	}
	return errors.Join(wrong...)
}

func checkTrusted(text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return err
	}
	name := document.Operations[0].Name
	if err := measureDocument(document).check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errs := validator.ValidateWithRules(schema, document, validationRules(true)()); len(errs) > 0 {
		return fmt.Errorf("%s: %w", name, errs)
	}
	return nil
}

// maxStrange bounds what is remembered of documents that were logged, about 1 MB; beyond it, nothing more is logged.
const maxStrange = 10_000

// onceEach tells the first time of each text.
type onceEach struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

func (o *onceEach) first(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.seen[text]; ok || len(o.seen) >= maxStrange {
		return false
	}
	if o.seen == nil {
		o.seen = map[string]struct{}{}
	}
	o.seen[text] = struct{}{}
	return true
}
