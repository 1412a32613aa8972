package persisted

import "fmt"

// Mode is how trusted documents are used. The zero value is Off.
type Mode string

// The modes of trusted documents, in the order in which an operator introduces them: Log shows what Enforce would refuse.
const (
	Off     Mode = "off"     // any document may run
	Log     Mode = "log"     // any document may run; those that are not in the manifest are logged, once each
	Enforce Mode = "enforce" // only the documents of the manifest run
)

// ParseMode reads a setting; empty is Off.
func ParseMode(text string) (Mode, error) {
	switch mode := Mode(text); mode {
	case Off, Log, Enforce:
		return mode, nil
	case "":
		return Off, nil
	}
	return Off, fmt.Errorf("%q is none of off, log and enforce", text)
}
