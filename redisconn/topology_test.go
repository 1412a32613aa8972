package redisconn

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/test/services"
)

func clientsOf(t *testing.T, url string) []redis.UniversalClient {
	t.Helper()
	s, err := ParseURL(url, "")
	if err != nil {
		t.Fatal(err)
	}
	clients := []redis.UniversalClient{s.CacheClient(), s.BusClient()}
	for _, client := range clients {
		t.Cleanup(func() { _ = client.Close() })
		if version, err := Version(t.Context(), client); err != nil {
			t.Fatalf("version %q, %v", version, err)
		}
	}
	return clients
}

func TestRedisClientsOfACluster(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	clients := clientsOf(t, cluster.URL())
	for i := range 20 { // on all nodes
		if err := clients[i%2].Set(t.Context(), fmt.Sprint("k", i), "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Node(2).Kill()
	for _, client := range clients {
		begun := time.Now()
		err := client.Set(t.Context(), "k1", "v", 0).Err() // slot 12706, of the last node
		// Not a timeout: the cache marks what it writes all the while if Redis refuses, and gives up if Redis hangs.
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a node that is gone gives %v after %v", err, time.Since(begun))
		}
	}
}

func TestRedisClientsOfASentinel(t *testing.T) {
	t.Parallel()
	sentinel := services.NewRedisSentinel(t)
	clients := clientsOf(t, sentinel.URL())
	sentinel.KillMaster()
	for _, client := range clients {
		deadline := time.Now().Add(20 * time.Second)
		for err := errors.New(""); err != nil; err = client.Set(t.Context(), "k", "v", 0).Err() {
			if time.Now().After(deadline) {
				t.Fatalf("after the failover: %v", err)
			}
		}
	}
}

// More failures than the pool has places, and still the next call finds that the sentinel is back.
func TestRedisClientsDialEachTime(t *testing.T) {
	t.Parallel()
	service := services.NewRedisSentinel(t)
	service.Sentinel().Kill()
	s, err := ParseURL(service.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	client := s.CacheClient()
	defer client.Close()
	for range 40 {
		if client.Ping(t.Context()).Err() == nil {
			t.Fatal("the check is blind: the master is reached without its sentinel")
		}
	}
	service.Sentinel().Restart()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the first call after the sentinel is back: %v", err)
	}
}
