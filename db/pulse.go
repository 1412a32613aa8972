package db

import "time"

// PulseEvery is how often an instance asks the database what Pulse holds.
const PulseEvery = 500 * time.Millisecond

// Pulse is what an instance asks the database twice a second, in one statement on a connection of its own, whatever else
// the instance is doing: what all instances have to agree on.
type Pulse struct {
	Asked time.Time // when the statement was sent, by this machine

	// Horizon is a time of the database with this promise: of whatever is stamped earlier, all that will ever be
	// committed is seen by every read that begins after this Pulse was answered.
	//
	// A write is stamped by the database, after its transaction began there. So it is no later than the beginning of the oldest
	// transaction that runs. That is what the server says of itself: it holds for a transaction whose instance is gone, and for
	// one whose COMMIT waits inside the server.
	Horizon time.Time

	Epoch   int64
	Outages []Outage

	// Database is the random id of the database, which another one that shares its Redis does not have. It is new with each epoch,
	// so that a restored copy and its original differ. Renewed is set for some seconds from then on, in which a write may still be
	// committed by an instance that did not know the new id.
	Database string
	Renewed  bool
}

// Outage is the notice of an instance whose writes do not reach the cache: what they replaced is not taken out of Redis, so
// no instance trusts the cache while the notice exists.
type Outage struct {
	Instance string
	In       time.Duration // after Asked, until it counts; not positive: it does

	// Over says that its instance has not renewed it, and has no write under way any more: whatever it wrote is committed, and
	// what that replaced may still be in the cache.
	Over  bool
	Until time.Time // when it ends unless it is renewed: for ForgetOutage
}
