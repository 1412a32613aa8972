package metrics

import (
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db/sqlstore"
	"studychat/redisconn"
)

// Database is the store, and the pools of Redis, whose waits mean the same.
type Database struct {
	Store   *sqlstore.Store
	Redis   *redisconn.Conn // nil without Redis
	Pending func() int      // migrations, when the instance had started; nil: nobody looked
}

// pool is the state of a pool of connections, to a database or to Redis.
type pool struct {
	name       string
	used, idle int
	waits      int64
	waited     time.Duration
}

func (d Database) pools() []pool {
	var all []pool
	for name, s := range d.Store.Pools() {
		all = append(all, pool{name, s.InUse, s.Idle, s.WaitCount, s.WaitDuration})
	}
	if d.Redis != nil {
		all = append(all, redisPool("redis-cache", d.Redis.Cache.Client), redisPool("redis-bus", d.Redis.Bus.Client))
	}
	return all
}

func redisPool(name string, client redis.UniversalClient) pool {
	s := client.PoolStats()
	return pool{name, int(s.TotalConns) - int(s.IdleConns), int(s.IdleConns), int64(s.WaitCount), time.Duration(s.WaitDurationNs)}
}

func (d Database) list() []Metric {
	return []Metric{
		{
			Name: "db_client_operation_duration_seconds", Help: "How long statements took, by their first word. Statements that make one round trip count as one.",
			Labels: []string{"db_operation_name"},
			read:   func(to reading) { to.histograms(d.Store.Stats().Statements.All()) },
		},
		{
			Name: "db_client_connection_count", Help: "Connections to the database and to Redis.", Labels: []string{"pool", "state"},
			read: func(to reading) {
				for _, p := range d.pools() {
					to.gauge(float64(p.used), p.name, "used")
					to.gauge(float64(p.idle), p.name, "idle")
				}
			},
		},
		{
			Name: "db_client_connection_waits_total", Help: "How often a caller had to wait for a connection of the pool.", Labels: []string{"pool"},
			read: func(to reading) {
				for _, p := range d.pools() {
					to.counter(p.waits, p.name)
				}
			},
		},
		{
			Name: "db_client_connection_wait_seconds_total", Help: "How long callers have waited for a connection of the pool, together.", Labels: []string{"pool"},
			read: func(to reading) {
				for _, p := range d.pools() {
					to.seconds(p.waited, p.name)
				}
			},
		},
		{
			Name: "studychat_commit_duration_seconds", Help: "How long commits took, without the cache's marks: committed, rolled_back, or of an outcome that is unknown.",
			Labels: []string{"outcome"},
			read: func(to reading) {
				to.histograms(begun(d.Store.Stats().Commits.All(), "committed", "rolled_back", "unknown"))
			},
		},
		{
			Name: "studychat_commit_group_size", Help: "How many messages were committed together.",
			read: func(to reading) { to.histogram(d.Store.Stats().Batches.Read()) },
		},
		{
			Name: "studychat_database_pulse_age_seconds", Help: "How long ago the newest answer of the database was asked for; each instance asks twice a second.",
			read: func(to reading) {
				if pulse := d.Store.Pulse(); pulse != nil {
					to.gauge(time.Since(pulse.Asked).Seconds())
				}
			},
		},
		{
			Name: "studychat_epoch", Help: "The number of the database's history, as far as this instance knows.",
			read: func(to reading) { to.gauge(float64(d.Store.SeenEpoch())) },
		},
		{
			Name: "studychat_pruned_rows_total", Help: "Rows that this instance has deleted since they are past their retention.",
			read: func(to reading) { to.counter(d.Store.Stats().Pruned.Load()) },
		},
		{
			Name: "studychat_migrations_pending", Help: "Migrations of this version that the database did not have when the instance had started. With RUN_MIGRATIONS=off nobody looks.",
			read: func(to reading) {
				if d.Pending != nil {
					to.gauge(float64(d.Pending()))
				}
			},
		},
	}
}
