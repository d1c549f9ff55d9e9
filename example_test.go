package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	stream "streamdse"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

func ExampleLoad() {
	problem, sources, err := stream.Load(stream.Inputs{
		Workload:        "mlperf_tiny_ic", // or the path of an ONNX or YAML file
		Hardware:        "tpu_like_quad_core",
		FoldActivations: true,
	})
	if err != nil {
		log.Fatal(err) // every problem of every input, with places and hints
	}
	fmt.Println(sources.Mapping.Name, "goes with", problem.Hardware.Name)
	for _, l := range problem.Workload.Layers[:3] {
		fmt.Println(l.ID, l.Type, l.Dims)
	}
	// Output:
	// tpu_like_quad_core goes with tpu_like_quad_core
	// 0 Conv [{B 1} {K 16} {G 1} {OX 32} {OY 32} {C 3} {FX 3} {FY 3}]
	// 2 Conv [{B 1} {K 16} {G 1} {OX 32} {OY 32} {C 16} {FX 3} {FY 3}]
	// 4 Conv [{B 1} {K 16} {G 1} {OX 32} {OY 32} {C 16} {FX 3} {FY 3}]
}

func ExampleLoad_problems() {
	_, _, err := stream.Load(stream.Inputs{Workload: "resnet19", Hardware: "nowhere.yaml"})
	var problems stream.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Printf("%s\n  -> %s\n", p.Message, p.Hint)
		}
	}
	// Output:
	// workload "resnet19" is neither built in nor a file
	//   -> did you mean `resnet18`?
	// there is no such file
	//   -> check the path; what is built in is named without folder and extension
}

func ExampleRun() {
	problem, _, err := stream.Load(stream.Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		log.Fatal(err)
	}
	options := stream.DefaultOptions() // take the defaults, and change what you need
	options.Objective = stream.Latency
	options.Evaluations = 200
	options.Costs = stream.NewCosts() // shared by both runs
	for _, options.Mode = range []stream.Mode{stream.LayerByLayer, stream.Fused} {
		result, err := stream.Run(context.Background(), problem, options)
		if err != nil {
			log.Fatal(err)
		}
		s := result.Schedule
		fmt.Printf("%s: not faster than the bound: %t\n", result.Mode, s.Latency >= result.Bound.Latency)
	}
	// Output:
	// layer-by-layer: not faster than the bound: true
	// fused: not faster than the bound: true
}

func ExampleRun_allocation() {
	problem, _, err := stream.Load(stream.Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		log.Fatal(err)
	}
	options := stream.DefaultOptions()
	options.Mode = stream.LayerByLayer
	// No search: every group of every layer runs on the last of its cores.
	options.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) {
		a := &schedule.Allocation{Cores: make([][]int, len(g.Layers))}
		for i := range g.Layers {
			l := &g.Layers[i]
			for group := range l.Groups {
				cores := l.Entry.Candidates(problem.Hardware, l.Layer, group)
				a.Cores[i] = append(a.Cores[i], cores[len(cores)-1])
			}
		}
		return a, nil
	}
	result, err := stream.Run(context.Background(), problem, options)
	if err != nil {
		log.Fatal(err)
	}
	for _, core := range []int{0, 3, 5} {
		busy := 0
		for _, t := range result.Schedule.Tasks {
			if int(t.Core) == core {
				busy++
			}
		}
		fmt.Printf("core %d (%s): %d nodes\n", core, problem.Hardware.Cores[core].Name, busy)
	}
	// Output:
	// core 0 (tpu_like): 0 nodes
	// core 3 (tpu_like): 10 nodes
	// core 5 (simd): 3 nodes
}

func ExampleGraph() {
	problem, _, err := stream.Load(stream.Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		log.Fatal(err)
	}
	options := stream.DefaultOptions()
	options.Mode = stream.LayerByLayer
	cuts, err := mapping.ParseCuts("Conv:K=4", true) // what --split takes
	if err != nil {
		log.Fatal(err)
	}
	options.Cuts = cuts
	graph, err := stream.Graph(problem, options)
	if err != nil {
		log.Fatal(err)
	}
	first := &graph.Layers[0]
	fmt.Println(first.Type, "in", first.Groups, "groups")
	for _, n := range first.Nodes {
		fmt.Println("node", graph.Nodes[n].Sub, "of group", graph.Nodes[n].Group, "is read by", graph.OutDegree(n))
	}
	// Output:
	// Conv in 4 groups
	// node 0 of group 0 is read by 5
	// node 1 of group 1 is read by 5
	// node 2 of group 2 is read by 5
	// node 3 of group 3 is read by 5
}

func ExampleCore() {
	problem, _, err := stream.LoadCore(stream.CoreInputs{Workload: "mlperf_tiny_ad", Hardware: "tpu_like_quad_core"})
	if err != nil {
		log.Fatal(err)
	}
	options := stream.DefaultCoreOptions()
	options.Objective = stream.Energy
	result, err := stream.Core(context.Background(), problem, options)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range result.Layers[:3] {
		if l.Evaluation == nil {
			fmt.Println(l.Layer.Name, l.Reason) // it does not fit the core
			continue
		}
		fmt.Printf("%s: %v, proven: %t\n", l.Layer.Name, l.Unrolling, l.Proven)
	}
	// Output:
	// /dense1/Gemm: [{0 [{K 32}]} {1 [{C 32}]}], proven: true
	// /dense2/Gemm: [{0 [{K 32}]} {1 [{C 32}]}], proven: true
	// /dense3/Gemm: [{0 [{K 32}]} {1 [{C 32}]}], proven: true
}
