package stats_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"studychat/transport/stats"
)

// BenchmarkRequest is all that counting adds to a query: compare it with what `{ __typename }` takes in docs/performance.md.
func BenchmarkRequest(b *testing.B) {
	var s stats.Stats
	r, w := httptest.NewRequest(http.MethodPost, "/graphql", nil), httptest.NewRecorder()
	kind := stats.Operation{Type: "query", Transport: stats.HTTP, Code: stats.OK}
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		recorder := s.Record(w, began)
		s.Operations.Of(kind).Since(began)
		recorder.Done(r)
	}
}

// BenchmarkDelivery is what it adds to a delivery: an event that is handed to 100 connections is counted once.
func BenchmarkDelivery(b *testing.B) {
	var s stats.Stats
	b.ReportAllocs()
	for b.Loop() {
		s.OutboxWait.ObserveMany(time.Millisecond, 100)
	}
}
