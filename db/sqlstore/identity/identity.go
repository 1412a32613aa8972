// Package identity tells one history of a PostgreSQL database from another. Instances that the server tells different parts of it
// agree nevertheless: only parts that both know are compared.
package identity

import "strings"

// Identity names one history of one database. A part that the server does not tell is "".
type Identity struct {
	System   string // the cluster
	Timeline string // another one after a promotion, and after a recovery to a point in time
	Database string // its oid
	Table    string // the oid of a table of studychat: another one after a dump was restored beside or over the old one
}

// Parse reads what String wrote. What it cannot read differs from every identity.
func Parse(text string) Identity {
	switch parts := strings.Split(text, "/"); {
	case text == "":
		return Identity{}
	case len(parts) == 4:
		return Identity{System: parts[0], Timeline: parts[1], Database: parts[2], Table: parts[3]}
	case len(parts) == 2: // of a server that did not tell the others, as earlier versions wrote it
		return Identity{Database: parts[0], Table: parts[1]}
	}
	return Identity{Table: text}
}

// String is "" for no identity.
func (i Identity) String() string {
	if i == (Identity{}) {
		return ""
	}
	return strings.Join([]string{i.System, i.Timeline, i.Database, i.Table}, "/")
}

// Differs says whether a part that both know differs: then they are two histories.
func (i Identity) Differs(other Identity) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	return differ(i.System, other.System) || differ(i.Timeline, other.Timeline) || differ(i.Database, other.Database) || differ(i.Table, other.Table)
}

// Adopt returns the identity with the parts that only the other one knows.
func (i Identity) Adopt(other Identity) Identity {
	fill := func(part *string, from string) {
		if *part == "" {
			*part = from
		}
	}
	fill(&i.System, other.System)
	fill(&i.Timeline, other.Timeline)
	fill(&i.Database, other.Database)
	fill(&i.Table, other.Table)
	return i
}
