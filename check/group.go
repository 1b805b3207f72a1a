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
