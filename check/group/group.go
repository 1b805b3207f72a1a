// Package group runs parts of a lookup or a checker beside each other without
// the danger that a panic in one of them ends the program: a panic in a
// goroutine cannot be caught from outside, but this one comes back in Wait.
package group

import "sync"

// A Group runs functions at the same time. The zero Group is ready for use.
type Group struct {
	parts sync.WaitGroup
	once  sync.Once
	fault any
}

// Go runs f beside the others.
func (g *Group) Go(f func()) {
	g.parts.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.once.Do(func() { g.fault = p })
			}
		}()
		f()
	})
}

// Wait waits for all and panics with the first panic that there was.
func (g *Group) Wait() {
	g.parts.Wait()
	if g.fault != nil {
		panic(g.fault)
	}
}

// A Share is work that several need and the first that asks has done. The zero
// Share is ready for use.
type Share struct {
	once  sync.Once
	done  chan struct{}
	fault any
}

// Do runs f unless it ran before, waits for its end, and panics as f did.
func (s *Share) Do(f func()) {
	s.once.Do(func() {
		s.done = make(chan struct{})
		go func() {
			defer close(s.done)
			defer func() { s.fault = recover() }()
			f()
		}()
	})
	<-s.done
	if s.fault != nil {
		panic(s.fault)
	}
}
