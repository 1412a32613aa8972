package plan

import (
	"errors"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

var errNull = errors.New("the requested element is null which the schema does not allow")

// fail reports the error of a resolver. One error may belong to several fields, so what has to be changed is copied.
func (s *State) fail(err error) {
	located, ok := err.(*gqlerror.Error) //nolint:errorlint // a wrapped one is reported as a whole
	if ok {
		located = new(*located)
	} else {
		located = gqlerror.WrapPath(nil, err)
	}
	if located.Path == nil {
		located.Path = s.path()
	}
	if at := s.frames[len(s.frames)-1].field.position; located.Locations == nil && at != nil && at.Line > 0 {
		located.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	s.present(located)
}

// recovered reports a panic.
func (s *State) recovered(cause any) {
	s.failPanic(s.plan.planner.Recover(s.Context, cause))
}

func (s *State) failPanic(err error) { s.present(gqlerror.WrapPath(s.path(), err)) }

// settle is for a value that was not written: null takes its place, or the null reaches whatever the value is in.
func (s *State) settle(start int, nonNull bool, got Result, outer *Result) {
	s.buf = s.buf[:start]
	if !nonNull {
		s.buf = append(s.buf, "null"...)
		return
	}
	if got == Null {
		s.present(gqlerror.WrapPath(s.path(), errNull))
	}
	*outer = Failed
}

func (s *State) present(err *gqlerror.Error) {
	s.errs = append(s.errs, s.plan.planner.Present(s.Context, err))
}
