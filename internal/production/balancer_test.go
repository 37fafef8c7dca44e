//go:build unix

package production_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// balancer is a reverse proxy that gives requests to instances in turn. It
// goes on to the next one when a connection is refused, which no instance can
// have answered.
type balancer struct {
	*httptest.Server
	mu    sync.Mutex
	hosts []string
	turn  int
}

func newBalancer(t testing.TB, instances ...*instance) *balancer {
	t.Helper()
	b := &balancer{}
	for _, i := range instances {
		b.add(i)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: b.next()})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: retry{b, &http.Transport{MaxIdleConnsPerHost: 64, ResponseHeaderTimeout: 30 * time.Second}},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				http.Error(w, "balancer: "+err.Error(), http.StatusBadGateway)
			}
		},
	}
	b.Server = httptest.NewServer(proxy)
	t.Cleanup(b.Close)
	return b
}

func (b *balancer) add(i *instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hosts = append(b.hosts, i.address())
}

// remove gives an instance no more requests.
func (b *balancer) remove(i *instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.hosts[:0:0]
	for _, host := range b.hosts {
		if host != i.address() {
			kept = append(kept, host)
		}
	}
	b.hosts = kept
}

func (b *balancer) next() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.hosts) == 0 {
		return "127.0.0.1:1"
	}
	b.turn++
	return b.hosts[b.turn%len(b.hosts)]
}

type retry struct {
	balancer *balancer
	inner    http.RoundTripper
}

func (r retry) RoundTrip(request *http.Request) (*http.Response, error) {
	for range 3 {
		response, err := r.inner.RoundTrip(request)
		var network *net.OpError
		if !errors.As(err, &network) || network.Op != "dial" {
			return response, err
		}
		request.URL.Host = r.balancer.next()
	}
	return r.inner.RoundTrip(request)
}
