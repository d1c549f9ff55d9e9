package rules

import (
	"reflect"
	"slices"
	"testing"
)

// TestSwitches makes sure that the default is the physical model throughout, and
// the reference the published one. BlocksAreFree is what an older single-core model
// adds to it; others only the published scheduler of 2023 has, which shares all but
// one of those of 2024.
func TestSwitches(t *testing.T) {
	physical, published := reflect.ValueOf(Default()), reflect.ValueOf(Reference2024())
	first := reflect.ValueOf(Reference2023())
	older := []string{"NeverOffload", "ConstantsStay", "RoomAtOnce", "WriteAtSenderWidth", "NoBroadcast", "BlocksAlone"}
	for i := range physical.NumField() {
		field := physical.Type().Field(i)
		if field.Type.Kind() != reflect.Bool || field.Name == "BlocksAreFree" {
			continue
		}
		if want := field.Name != "JoinPastTransfers"; first.Field(i).Bool() != want {
			t.Errorf("%s: %v in 2023, want %v", field.Name, !want, want)
		}
		if slices.Contains(older, field.Name) {
			if physical.Field(i).Bool() || published.Field(i).Bool() {
				t.Errorf("%s is on", field.Name)
			}
			continue
		}
		if physical.Field(i).Bool() || !published.Field(i).Bool() {
			t.Errorf("%s: default %v, reference %v", field.Name, physical.Field(i), published.Field(i))
		}
	}
}

func TestNamed(t *testing.T) {
	for _, name := range Names() {
		if r, ok := Named(name); !ok || r.Name != name {
			t.Errorf("Named(%q) = %q, %t", name, r.Name, ok)
		}
	}
	if _, ok := Named("no such rules"); ok {
		t.Error("unknown rules are found")
	}
	if !slices.Contains(Names(), Default().Name) {
		t.Error("the default has no name")
	}
}
