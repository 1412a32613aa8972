package schema

import (
	"fmt"
	"strings"
	"time"
)

// Migration is one step of the schema.
type Migration struct {
	Name      string     // such as 0001_chats
	AppliedAt *time.Time // nil while it is pending

	// Unknown says that a newer version of the program has applied it. Needs is then the oldest migration that a program must know to
	// run all the same; Compatible says whether this program knows it.
	Unknown, Compatible bool
	Needs               string

	group int64 // of the run that applied it
}

// State is what a database and this program know, oldest first.
type State []Migration

// Pending are the names of the migrations that the database lacks.
func (s State) Pending() []string {
	return s.names(func(m Migration) bool { return m.AppliedAt == nil })
}

// Unknown are the names of the migrations that this program does not know.
func (s State) Unknown() []string {
	return s.names(func(m Migration) bool { return m.Unknown })
}

func (s State) names(which func(Migration) bool) (names []string) {
	for _, m := range s {
		if which(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Check returns an error when the database has a migration that this program does not know and is not compatible with.
func (s State) Check() error {
	for _, m := range s {
		switch {
		case !m.Unknown || m.Compatible:
		case m.Needs == "":
			return fmt.Errorf("the database has the migration %s, which this version does not know and which is not marked as compatible with older versions: start a version that knows it", m.Name)
		default:
			return fmt.Errorf("the database has the migration %s, which this version does not know and which needs a version that knows %s: start a newer version", m.Name, m.Needs)
		}
	}
	return nil
}

// checkAllKnown returns an error when the database has a migration that this program does not know.
func (s State) checkAllKnown() error {
	if unknown := s.Unknown(); len(unknown) > 0 {
		return fmt.Errorf("the database has migrations that this version does not know: %s. Only a version that knows them can revert them", strings.Join(unknown, ", "))
	}
	return nil
}

// lastGroup is the number of the last run that applied migrations, 0 before the first.
func (s State) lastGroup() (group int64) {
	for _, m := range s {
		group = max(group, m.group)
	}
	return group
}
