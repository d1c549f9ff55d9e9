package imc

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"streamdse/hardware"
)

// figures is a row of testdata/arrays.json: what the published model gives for
// an array of 128 x 128 units.
type figures struct {
	Area  float64            `json:"area"`
	Areas map[string]float64 `json:"area_breakdown"`
	Clock float64            `json:"tclk"`
	Times map[string]float64 `json:"tclk_breakdown"`
	Peak  map[string]float64 `json:"peak"`
	TOPS  [3]float64         `json:"tops"`
	// Energy is that of a convolution of 57802752 operations on 128 columns and 96 rows.
	Energy map[string]float64 `json:"energy"`
}

func core(name string) *hardware.Core {
	c := &hardware.Core{Name: name, Array: hardware.Array{Dims: []string{"D1", "D2"}, Sizes: []int{128, 128}},
		Memories: []hardware.Memory{{Name: "cells", Size: 8}, {Name: "sram", Size: 1 << 18}}}
	switch name {
	case "aimc":
		c.IMC = &hardware.IMC{Analog: true, ADCResolution: 8, BitSerialPrecision: 2, InputPrecision: [2]int{8, 8}}
	case "dimc":
		c.IMC = &hardware.IMC{BitSerialPrecision: 1, InputPrecision: [2]int{8, 8}}
	}
	return c
}

func named(p Parts) map[string]float64 {
	return map[string]float64{
		"cells": p.Cells, "dacs": p.DACs, "adcs": p.ADCs, "mults": p.Multipliers, "analog_bl_addition": p.BitlineAddition,
		"adders_regular": p.RegularAdders, "adders_pv": p.PlaceValueAdders, "accumulators": p.Accumulators, "local_bl_precharging": p.BitlinePrecharges,
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*math.Max(math.Abs(got), math.Abs(want)) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func all(t *testing.T, what string, got Parts, want map[string]float64) {
	t.Helper()
	n := named(got)
	for part, w := range want {
		near(t, what+" of "+part, n[part], w)
	}
}

func TestPublishedArrays(t *testing.T) {
	text, err := os.ReadFile("testdata/arrays.json")
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]figures
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	for name, want := range table {
		t.Run(name, func(t *testing.T) {
			a, err := New(core(name))
			if err != nil {
				t.Fatal(err)
			}
			area, clock := a.Area(), a.Clock()
			all(t, "area", area, want.Areas)
			near(t, "area", a.TotalArea(), want.Area)
			all(t, "delay", clock, want.Times)
			near(t, "clock period", clock.Sum(), want.Clock)
			peak := a.Peak()
			near(t, "TOP/s", peak.TOPS, want.TOPS[0])
			near(t, "TOP/s/W", peak.TOPSPerWatt, want.TOPS[1])
			near(t, "TOP/s/mm²", peak.TOPSPerMM2, want.TOPS[2])
			all(t, "peak energy a cycle", a.Energy(Use{Columns: 128, Rows: 128, Activations: 1 / a.CyclesPerOperation()}), want.Peak)
			all(t, "energy", a.Energy(Use{Columns: 128, Rows: 96, Activations: 57802752.0 / (128 * 96)}), want.Energy)
		})
	}
}

// TestTree: adders that see values on both sides cost more than those that see
// one, and a tree costs more the more rows have values.
func TestTree(t *testing.T) {
	a, err := New(core("dimc"))
	if err != nil {
		t.Fatal(err)
	}
	if e := a.treeEnergy(0); e != 0 {
		t.Errorf("no row costs %v", e)
	}
	before := 0.0
	for rows := 1.0; rows <= 128; rows++ {
		e := a.treeEnergy(rows)
		if e <= before {
			t.Errorf("%v rows cost %v, one less %v", rows, e, before)
		}
		before = e
	}
	near(t, "full tree", before, a.treeAdders()*adder)
}

func TestUnfitArrays(t *testing.T) {
	if a, err := New(core("ordinary")); a != nil || err != nil {
		t.Errorf("an ordinary array: %v, %v", a, err)
	}
	c := core("dimc")
	c.Sizes = []int{128, 96}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "D2 must have a power of two; it has 96") {
		t.Errorf("96 rows: %v", err)
	}
	c = core("aimc")
	c.Dims, c.Sizes = c.Dims[:1], c.Sizes[:1]
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "two dimensions") {
		t.Errorf("one dimension: %v", err)
	}
}
