package hub

// offset is how much of a topic was delivered. Two followers at the same offset get the same items from there on.
type offset struct {
	generation, epoch int64 // of the log
	seq               int64 // the last durable event
	stamp             int64 // the last ephemeral event
}

// reached says whether everything up to another offset of the same log was delivered.
func (o offset) reached(other offset) bool {
	return o.generation == other.generation && o.epoch == other.epoch &&
		(o.seq > other.seq || o.seq == other.seq && o.stamp >= other.stamp)
}

func (f *follower) offset() offset {
	return offset{f.generation, f.cursor.Epoch, f.cursor.Seq, f.stamp}
}

// moveTo notes what a group has delivered to the follower.
func (f *follower) moveTo(at offset) { f.cursor.Seq, f.stamp = at.seq, at.stamp }

// offsetLocked is the offset of a follower that has everything. Call it with t.mu held.
func (t *topic) offsetLocked() offset {
	return offset{t.generation, t.epoch, t.last, t.ephemeral.stamp}
}

// shares says whether the follower gets what every member of the chat gets, and nothing else comes first.
func (f *follower) shares() bool { return f.pending == nil && !f.over && f.until == 0 }
