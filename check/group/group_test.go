package group

import (
	"sync/atomic"
	"testing"
)

// caught returns what f panics with.
func caught(f func()) (fault any) {
	defer func() { fault = recover() }()
	f()
	return nil
}

func TestGroup(t *testing.T) {
	var g Group
	var ran atomic.Int32
	for range 3 {
		g.Go(func() { ran.Add(1) })
	}
	g.Go(func() { panic("planted") })
	if fault := caught(g.Wait); fault != "planted" {
		t.Errorf("Wait panicked with %v, want planted", fault)
	}
	if ran.Load() != 3 {
		t.Errorf("%d parts ran, want 3", ran.Load())
	}
	var quiet Group
	quiet.Go(func() {})
	if fault := caught(quiet.Wait); fault != nil {
		t.Errorf("Wait panicked with %v", fault)
	}
}

func TestShare(t *testing.T) {
	var s Share
	runs := 0
	for range 2 {
		s.Do(func() { runs++ })
	}
	if runs != 1 {
		t.Errorf("ran %d times, want 1", runs)
	}
	var broken Share
	for range 2 {
		if fault := caught(func() { broken.Do(func() { panic("planted") }) }); fault != "planted" {
			t.Errorf("Do panicked with %v, want planted each time", fault)
		}
	}
}
