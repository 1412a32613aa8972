package persisted

import "context"

// Keep keeps a document that its client registers under its hash, and logs one that the mode Enforce would refuse. Only
// documents that may run come here.
func (l *Lookup) Keep(ctx context.Context, register, document, operation string) {
	if register != "" {
		l.store.Put(register, document)
	}
	if l.mode == Log {
		l.logUntrusted(ctx, document, operation)
	}
}

// maxLogged bounds what is remembered of documents that were logged, about 1 MB; beyond it, nothing more is logged.
const maxLogged = 10_000

// logUntrusted logs the hash of a document and not its text, which may hold what a user wrote.
func (l *Lookup) logUntrusted(ctx context.Context, document, operation string) {
	if l.trusted.Holds(document) || l.logged.Len() >= maxLogged {
		return
	}
	hash := Hash(document)
	if known, _ := l.logged.ContainsOrAdd(hash, struct{}{}); !known {
		l.log.WarnContext(ctx, "an untrusted document ran", "operation", operation, "hash", hash)
	}
}
