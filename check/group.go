package check

import "sync"

// A group runs parts of a checker at the same time. A panic in one of them
// comes back in Wait, where the checker's own border catches it: in the
// goroutine itself it would end the program.
type group struct {
	parts sync.WaitGroup
	once  sync.Once
	fault any
}

// Go runs f beside the others.
func (g *group) Go(f func()) {
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
func (g *group) Wait() {
	g.parts.Wait()
	if g.fault != nil {
		panic(g.fault)
	}
}

// A share is work that several checkers need and the first that asks has done.
type share struct {
	once  sync.Once
	done  chan struct{}
	fault any
}

// Do runs f unless it ran before, waits for its end, and panics as f did.
func (s *share) Do(f func()) {
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
