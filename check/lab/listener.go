package lab

import (
	"net"
	"sync"
)

// A listener knows the connections that it has accepted, so that they can be
// ended from outside.
type listener struct {
	net.Listener

	mu    sync.Mutex
	conns map[*accepted]struct{}
}

func listen() (*listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &listener{Listener: l, conns: map[*accepted]struct{}{}}, nil
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	a := &accepted{Conn: c, from: l}
	l.mu.Lock()
	l.conns[a] = struct{}{}
	l.mu.Unlock()
	return a, nil
}

// closeConns ends all connections that are open.
func (l *listener) closeConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.conns {
		a.Conn.Close()
	}
}

// An accepted connection takes itself off the list of its listener.
type accepted struct {
	net.Conn
	from *listener
}

// Close ends the connection.
func (a *accepted) Close() error {
	a.from.mu.Lock()
	delete(a.from.conns, a)
	a.from.mu.Unlock()
	return a.Conn.Close()
}
