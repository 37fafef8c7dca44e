//go:build unix

package production_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire is a TCP connection to a server that can be cut, slowed and reset.
type wire struct {
	address string // where it listens
	target  string
	delay   atomic.Int64 // of every answer, in nanoseconds
	silent  atomic.Bool  // nothing comes through, but nothing is closed

	mu       sync.Mutex
	listener net.Listener // nil: cut
	conns    map[net.Conn]bool
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	w := &wire{target: target, address: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	w.mend(t)
	t.Cleanup(w.cut)
	return w
}

// mend lets connections through, again at the same address.
func (w *wire) mend(t testing.TB) {
	t.Helper()
	w.delay.Store(0)
	w.silent.Store(false)
	listener := must[net.Listener](t)(net.Listen("tcp", w.address))
	w.mu.Lock()
	w.listener, w.address = listener, listener.Addr().String()
	w.mu.Unlock()
	go w.accept(listener)
}

func (w *wire) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go w.serve(conn)
	}
}

func (w *wire) serve(client net.Conn) {
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		client.Close()
		return
	}
	w.mu.Lock()
	if w.listener == nil {
		w.mu.Unlock()
		client.Close()
		server.Close()
		return
	}
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	go w.pump(server, client, false)
	w.pump(client, server, true)
}

func (w *wire) pump(to, from net.Conn, slow bool) {
	defer func() {
		w.mu.Lock()
		delete(w.conns, to)
		delete(w.conns, from)
		w.mu.Unlock()
		to.Close()
		from.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		for w.silent.Load() {
			time.Sleep(10 * time.Millisecond)
			if !w.open(from) {
				return
			}
		}
		if delay := time.Duration(w.delay.Load()); slow && delay > 0 {
			time.Sleep(delay)
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) open(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conns[conn]
}

// cut is a server that has stopped: connections break, new ones are refused.
func (w *wire) cut() {
	w.mu.Lock()
	if w.listener != nil {
		w.listener.Close()
		w.listener = nil
	}
	w.mu.Unlock()
	w.reset()
}

// reset breaks all connections; new ones work.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST instead of FIN
		}
		conn.Close()
		delete(w.conns, conn)
	}
}
