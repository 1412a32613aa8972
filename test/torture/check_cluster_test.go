package torture

import (
	"fmt"
	"time"

	"studychat/test/services"
)

// poolOfPooler is the number of pgbouncer's connections to the database: fewer than the four instances would open.
const poolOfPooler = 20

// mostAfterPart is in ms. pgbouncer tries a server that was away once a second.
const mostAfterPart = 3000.0

// everyPart runs four instances on a Redis Cluster of three masters and on PostgreSQL behind pgbouncer, and kills each part in
// turn. Nothing here has a replica, so each part is missing for as long as it is down.
func everyPart(r *record) {
	r.Fault = "four instances, a Redis Cluster of three masters, pgbouncer in transaction mode: SIGKILL of each part in turn, restarted after 1 s"
	database := services.NewPostgresServer(r, "fsync=on")
	pooler, cluster := services.NewPooler(r, database.DSN(), poolOfPooler), services.NewRedisCluster(r)
	w := newWorld(r, setting{dsn: database.DSN(), pooled: pooler.DSN(), cluster: cluster.URL(), count: 4})
	l := w.newTraffic(r)
	l.start()
	var faults []window
	var parts []string
	lose := func(what string, kill, restart func()) {
		pause(r.calm)
		parts = append(parts, what)
		faults = append(faults, during(func() {
			kill()
			pause(time.Second)
			restart()
		}))
		back, ok := until(20*time.Second, func() bool { return w.all("ok") })
		r.limit(ok, "%s: every instance uses Redis again %.0f ms after it is back", what, ms(back))
	}
	for n := range 3 {
		node := cluster.Node(n)
		lose(fmt.Sprintf("Redis master %d", n), node.Kill, func() {
			node.Restart()
			cluster.WaitOK()
		})
	}
	lose("pgbouncer", pooler.Kill, pooler.Restart)
	lose("PostgreSQL", database.Kill, database.Restart)
	for n, i := range w.instances {
		lose(fmt.Sprintf("instance %d", n), i.kill, i.start)
	}
	pause(r.calm)
	l.judge(faults...)
	for n, part := range parts {
		after := l.caughtUp(faults[n].to)
		r.limit(after <= mostAfterPart, "%s: caught up %.0f ms after it, limit %.0f", part, after, mostAfterPart)
	}
}
