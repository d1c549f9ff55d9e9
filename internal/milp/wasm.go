package milp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// The functions of HiGHS's C interface by the names that this build of the module
// exports them under.
const (
	fnInitialise  = "v"
	fnMalloc      = "uc"
	fnCreate      = "F"
	fnPassMip     = "V"
	fnRun         = "N"
	fnSetBool     = "ia"
	fnSetInt      = "ja"
	fnSetDouble   = "ka"
	fnSetString   = "la"
	fnIntInfo     = "Aa"
	fnDoubleInfo  = "Ba"
	fnInt64Info   = "Ca"
	fnGetSolution = "Ea"
	fnModelStatus = "Ga"
)

// errAborted is what the module ends with when it throws or aborts.
var errAborted = errors.New("the solver has aborted")

// host provides what this build of the module imports, all under the name "a": parts
// of the C library that emscripten leaves to the surroundings. There are no files, no
// environment, and time is the number of times that it was asked for.
func host(ctx context.Context, r wazero.Runtime) error {
	const (
		unknownFile = 8
		noEntry     = -44
		noSystem    = -52
		noTerminal  = -59
		noSeek      = 70
		page        = 65536
	)
	ticks := uint64(0)
	now := func() float64 { // milliseconds
		ticks++
		return float64(ticks) / 1000
	}
	abort := func() { panic(errAborted) }
	b := r.NewHostModuleBuilder("a")
	for name, f := range map[string]any{
		"a": func(int32, int32, int32) { abort() },                         // __cxa_throw
		"b": func(int32) { abort() },                                       // exit
		"c": now,                                                           // emscripten_get_now
		"d": func(int32) int32 { return 0 },                                // fd_close
		"e": func(int32, int32, int32) int32 { return noSystem },           // fcntl64
		"f": discard,                                                       // fd_write
		"g": func(int32, int32, int32, int32) int32 { return unknownFile }, // fd_read
		"h": func(int32, int32, int32) int32 { return noTerminal },         // ioctl
		"i": func(int32, int32, int32, int32) int32 { return noEntry },     // openat
		"j": now,                                                           // emscripten_date_now
		"k": abort,                                                         // abort
		"l": func(int32, float64) int32 { return 0 },                       // setitimer
		"m": func(int32, int32, int32, int32) {},                           // tzset
		"n": func(int32, int32) int32 { return 0 },                         // environ_get
		"q": func(_ context.Context, m api.Module, bytes uint32) int32 { // emscripten_resize_heap
			have := m.Memory().Size()
			if bytes <= have {
				return 1
			}
			// Some more than asked for, as emscripten does, so that it asks less often.
			want := max(bytes, have+have/5)
			if _, ok := m.Memory().Grow((want - have + page - 1) / page); !ok {
				return 0
			}
			return 1
		},
		"o": func(_ context.Context, m api.Module, count, size uint32) int32 { // environ_sizes_get
			m.Memory().WriteUint32Le(count, 0)
			m.Memory().WriteUint32Le(size, 0)
			return 0
		},
		"p": func(_ context.Context, m api.Module, _ int32, _ int64, to uint32) int32 { // clock_time_get
			m.Memory().WriteUint64Le(to, uint64(now()*1e6))
			return 0
		},
		"r": func(int32) { abort() },                                  // proc_exit
		"s": func() {},                                                // runtime_keepalive_clear
		"t": func(int32, int64, int32, int32) int32 { return noSeek }, // fd_seek
	} {
		b.NewFunctionBuilder().WithFunc(f).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// discard is fd_write: it drops what is written.
func discard(_ context.Context, m api.Module, _ int32, vectors, count, written uint32) int32 {
	var n uint32
	for i := range count {
		length, ok := m.Memory().ReadUint32Le(vectors + 8*i + 4)
		if !ok {
			return -1
		}
		n += length
	}
	m.Memory().WriteUint32Le(written, n)
	return 0
}

// instance is one run of the module, with a sticky error.
type instance struct {
	ctx    context.Context
	module api.Module
	err    error
}

// call calls a function; it returns 0 after an error.
func (i *instance) call(name string, args ...uint64) uint64 {
	if i.err != nil {
		return 0
	}
	out, err := i.module.ExportedFunction(name).Call(i.ctx, args...)
	if err != nil {
		i.err = err
		return 0
	}
	if len(out) == 0 {
		return 0
	}
	return out[0]
}

// must calls a function that returns a HiGHS status: -1 for an error.
func (i *instance) must(what, name string, args ...uint64) {
	if status := int32(uint32(i.call(name, args...))); status < 0 && i.err == nil {
		i.err = fmt.Errorf("the solver refuses %s", what)
	}
}

// bytes copies data into the module's memory and returns its address.
func (i *instance) bytes(data []byte) uint64 {
	p := i.call(fnMalloc, uint64(max(8, len(data))))
	if i.err == nil && (p == 0 || !i.module.Memory().Write(uint32(p), data)) {
		i.err = errors.New("the solver has no memory left")
	}
	return p
}

func (i *instance) text(s string) uint64 { return i.bytes(append([]byte(s), 0)) }

func (i *instance) floats(list []float64) uint64 {
	data := make([]byte, 0, 8*len(list))
	for _, v := range list {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	return i.bytes(data)
}

func (i *instance) ints(n int, at func(int) int) uint64 {
	data := make([]byte, 0, 4*n)
	for k := range n {
		data = binary.LittleEndian.AppendUint32(data, uint32(int32(at(k))))
	}
	return i.bytes(data)
}

// word reads 8 bytes that a function has written to an address.
func (i *instance) word(p uint64) uint64 {
	if i.err != nil {
		return 0
	}
	v, ok := i.module.Memory().ReadUint64Le(uint32(p))
	if !ok {
		i.err = errors.New("the solver has given an address that it does not have")
	}
	return v
}

// info reads a figure about the last run through one of the functions for it.
func (i *instance) info(fn string, highs uint64, name string) uint64 {
	p := i.bytes(make([]byte, 8))
	i.must(name, fn, highs, i.text(name), p)
	return i.word(p)
}
