package transport

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyTestMain(m)
}
