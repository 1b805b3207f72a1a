package check

import (
	"fmt"
	"strings"
)

// params makes the parameters of a finding from names and values in turn.
func params(pairs ...any) map[string]string {
	out := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		out[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	return out
}

// quoted is a text that a sentence can hold: an empty one in its quotes.
func quoted[T ~string](s T) string {
	if s == "" {
		return `""`
	}
	return string(s)
}

// alias shows the CNAME records that lead from a name to its records.
func alias(name string, chain []string) []string {
	var out []string
	for _, target := range chain {
		out = append(out, name+" CNAME "+target)
		name = target
	}
	return out
}

// texts turns foreign texts of any type into evidence.
func texts[T ~string](list []T) []string {
	var out []string
	for _, t := range list {
		out = append(out, string(t))
	}
	return out
}

func join[T ~string](list []T, separator string) string {
	return strings.Join(texts(list), separator)
}
