package outcome

import "fmt"

// Panic is the error of a resolver that panicked.
type Panic struct {
	Cause any
	Stack []byte
}

// Error implements error. The stack has its own place in the line.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Cause) }
