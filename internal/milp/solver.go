package milp

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// compressed is build/highs.wasm of the npm package highs 1.15.3, compressed by gzip.
//
//go:embed highs.wasm.gz
var compressed []byte

// Solver is HiGHS, ready to solve models. It belongs to one goroutine.
type Solver struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
	cache   wazero.CompilationCache
}

// New gets the solver ready. The error is that of the context.
func New(ctx context.Context) (*Solver, error) {
	code, err := module()
	if err != nil {
		return nil, err
	}
	s := &Solver{cache: cache()}
	s.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithCompilationCache(s.cache))
	if err := host(ctx, s.runtime); err != nil {
		return nil, err
	}
	if s.module, err = s.runtime.CompileModule(ctx, code); err != nil {
		return nil, err
	}
	return s, nil
}

// module is the embedded module.
func module() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// cache is in the user's cache directory, or in memory if that is of no use.
func cache() wazero.CompilationCache {
	if dir, err := os.UserCacheDir(); err == nil {
		if c, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "stream-dse")); err == nil {
			return c
		}
	}
	return wazero.NewCompilationCache()
}

// Close frees the solver's memory.
func (s *Solver) Close(ctx context.Context) error {
	err := s.runtime.Close(ctx)
	if err2 := s.cache.Close(ctx); err == nil {
		err = err2
	}
	return err
}

// Solve solves a model. A model without a solution is no error, but a Status; the
// error is that of the context, or tells of a failure of the solver.
func (s *Solver) Solve(ctx context.Context, m *Model, o Options) (*Solution, error) {
	if len(m.cost) == 0 {
		return nil, fmt.Errorf("a model needs a variable")
	}
	module, err := s.runtime.InstantiateModule(ctx, s.module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	defer module.Close(ctx)
	i := &instance{ctx: ctx, module: module}
	solution := i.solve(m, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if i.err != nil {
		return nil, i.err
	}
	return solution, nil
}

// solve runs HiGHS on a model.
func (i *instance) solve(m *Model, o Options) *Solution {
	i.call(fnInitialise)
	highs := i.call(fnCreate)
	i.must("output_flag", fnSetBool, highs, i.text("output_flag"), 0)
	i.must("threads", fnSetInt, highs, i.text("threads"), 1)
	i.must("parallel", fnSetString, highs, i.text("parallel"), i.text("off"))
	i.must("random_seed", fnSetInt, highs, i.text("random_seed"), 0)
	if o.Nodes > 0 {
		i.must("mip_max_nodes", fnSetInt, highs, i.text("mip_max_nodes"), uint64(o.Nodes))
	}
	if o.Gap > 0 {
		i.must("mip_rel_gap", fnSetDouble, highs, i.text("mip_rel_gap"), api.EncodeF64(o.Gap))
	}
	i.pass(highs, m)
	i.must("the model", fnRun, highs)
	return i.solution(highs, m)
}

// pass hands a model over, row by row.
func (i *instance) pass(highs uint64, m *Model) {
	const rowwise, minimise = 2, 1
	values := make([]float64, len(m.terms))
	for k, t := range m.terms {
		values[k] = t.Coefficient
	}
	integrality := i.ints(len(m.integer), func(k int) int {
		if m.integer[k] {
			return 1
		}
		return 0
	})
	i.must("the model", fnPassMip, highs, uint64(len(m.cost)), uint64(len(m.rowLower)), uint64(len(m.terms)),
		rowwise, minimise, api.EncodeF64(0),
		i.floats(m.cost), i.floats(m.lower), i.floats(m.upper), i.floats(m.rowLower), i.floats(m.rowUpper),
		i.ints(len(m.rowStart), func(k int) int { return m.rowStart[k] }),
		i.ints(len(m.terms), func(k int) int { return int(m.terms[k].Variable) }),
		i.floats(values), integrality)
}

// solution reads the result of a run.
func (i *instance) solution(highs uint64, m *Model) *Solution {
	const (
		optimal               = 7
		infeasible            = 8
		unboundedOrInfeasible = 9
		unbounded             = 10
		feasible              = 2 // of the primal solution
	)
	mip := slices.Contains(m.integer, true)
	s := &Solution{Objective: math.Inf(1), Bound: math.Inf(-1)}
	status := int32(uint32(i.call(fnModelStatus, highs)))
	found := int32(uint32(i.info(fnIntInfo, highs, "primal_solution_status"))) == feasible
	switch {
	case status == optimal:
		s.Status = Optimal
	case status == infeasible:
		s.Status = Infeasible
	case status == unbounded:
		s.Status = Unbounded
	case status == unboundedOrInfeasible:
		s.Status = i.which(highs)
	case found:
		s.Status = Feasible
	default:
		s.Status = Unknown
	}
	if mip && s.Status != Infeasible && s.Status != Unbounded {
		s.Bound = math.Float64frombits(i.info(fnDoubleInfo, highs, "mip_dual_bound"))
		s.Nodes = int(int64(i.info(fnInt64Info, highs, "mip_node_count")))
	}
	if s.Status != Optimal && s.Status != Feasible {
		return s
	}
	s.Objective = math.Float64frombits(i.info(fnDoubleInfo, highs, "objective_function_value"))
	if !mip {
		s.Bound = s.Objective
	}
	s.Values = i.values(highs, m)
	return s
}

// which tells a program without bound from one without solution, which presolving
// leaves open.
func (i *instance) which(highs uint64) Status {
	i.must("presolve", fnSetString, highs, i.text("presolve"), i.text("off"))
	i.must("the model", fnRun, highs)
	if int32(uint32(i.call(fnModelStatus, highs))) == 8 {
		return Infeasible
	}
	return Unbounded
}

// values reads the variables, integers rounded to whole numbers.
func (i *instance) values(highs uint64, m *Model) []float64 {
	columns := i.floats(make([]float64, len(m.cost)))
	rows := i.floats(make([]float64, max(1, len(m.rowLower))))
	i.must("to give its solution", fnGetSolution, highs, columns, i.floats(make([]float64, len(m.cost))), rows, i.floats(make([]float64, max(1, len(m.rowLower)))))
	values := make([]float64, len(m.cost))
	for k := range values {
		values[k] = math.Float64frombits(i.word(columns + uint64(8*k)))
		if m.integer[k] {
			values[k] = math.Round(values[k])
		}
	}
	return values
}
