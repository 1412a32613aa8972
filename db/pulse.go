package db

import "time"

// PulseEvery is how often an instance asks the database what Pulse holds.
const PulseEvery = 500 * time.Millisecond

// PulseAge is how long a Pulse allows its instance to use the cache, counted from Pulse.Asked. So what the database says is known to
// everybody after this time, or the instance does not use the cache.
const PulseAge = 2 * time.Second

// Pulse is what all instances have to agree on. An instance asks the database for it twice a second, in one statement on a
// connection of its own, so that nothing else delays it.
type Pulse struct {
	Asked time.Time // when the statement was sent, by this machine

	// Horizon is a time of the database with this promise: every read that begins after this Pulse was answered sees all events
	// with an earlier stamp that will ever be committed.
	//
	// The database stamps a write after its transaction began, so the horizon is at most the beginning of the oldest running
	// transaction. The server itself tells it: that includes a transaction whose instance is gone, and one whose COMMIT waits
	// inside the server.
	Horizon time.Time

	Epoch   int64
	Outages []Outage

	// Database is the random id of the database, which another one that shares its Redis does not have. It is new with each epoch,
	// so that a restored copy and its original differ. Renewed is set for some seconds from then on, in which a write may still be
	// committed by an instance that did not know the new id. For PulseAge before that, an Outage stands, so that no instance serves
	// from Redis under the old id what another one writes under the new id.
	Database string
	Renewed  bool
}

// Outage is the notice of an instance whose writes do not reach the cache. Redis still holds what they replaced, so no instance
// uses the cache while the notice exists. A new epoch is announced in the same way.
type Outage struct {
	Instance string
	In       time.Duration // from Asked until the notice takes effect; 0 or negative when it has

	// Over says that the instance has not renewed the notice and has no write under way any more: all that it wrote is committed,
	// and the cache may still hold what that replaced.
	Over  bool
	Until time.Time // when the notice ends unless it is renewed; for ForgetOutage
}
