// Package rules names the points at which a physical model and the published
// multi-core scheduler of November 2024 differ, as one table of switches. Each
// switch says which behaviour of the published tool it turns on; all of them
// are off by default. Numbers (Q3) count the known quirks of the published tool;
// a switch without one is a consequence of others.
package rules

// Rules is a set of switches; the zero value is the default, physical model.
type Rules struct {
	Name string // "default", "reference-2024"

	// Layers.

	PoolingRepeatsChannels bool // Q40: a pooling layer's operations are multiplied by its channels
	GroupedWeightsLackK    bool // Q41: a grouped convolution has one filter per group
	UnaryReadsWeight       bool // Q45: layers without weights fetch some: unary element-wise ones a constant of 8 bits, pooling one of none

	// Computation nodes and dependencies.

	InputCountsAsWeight bool // Q30: stacks grow by the first operand that is not computed, be it the network input
	TilesEnlargeLayer   bool // Q31, Q32: a dimension is enlarged to a multiple of its number of tiles; what parts over cores leave over is lost
	UnaryStreamsColumns bool // Q49: element-wise layers of one input are cut by columns if the mapping does not say
	PaddingIsData       bool // 3.1: a tile of the network input has bits for its padding too
	WholeTileEdges      bool // Q34: an edge carries the producer's whole output, not the overlap
	InflatedBits        bool // Q36: data that passed a reshape or transpose is counted again per pair of layers
	OneEdgePerPair      bool // Q38: two operands that come from one node collapse into one edge
	LonelyNodesVanish   bool // Q37: a node without any edge is left out
	PartialSumsAreFree  bool // 3.8: nodes that cut a reduction share one output, which is complete as soon as the first has written it

	// Single-core cost of a node.

	OffloadOnlyIfFixed bool // Q1: the runtime includes the final unloading only where the mapping fixes the core
	SharedReserveAll   bool // Q69: room reserved for streamed operands is that of their lowest memory

	// Scheduling: moving and storing data.

	FirstTransferMoves    bool // Q3: the first transfer removes a tensor from its producer; a receiver keeps it until all cores' uses are over
	SpaceFreedBeforeLeave bool // Q4, Q68: the space of an evicted tensor is free at once, even while it is read or written back
	SpaceByOwnOperand     bool // Q5: room is looked for in the memory of the tensor's own operand, not in the destination
	JoinPastTransfers     bool // Q6, Q15: a transfer may share the slot of an earlier one of the same tensor even if the copy that it came from is gone, and is paid in full
	NoWaitIfStored        bool // Q7: a tensor on its way to the memory is taken as arrived
	StreamedUsesLinger    bool // Q9: a consumer that streams an operand never counts as having used it
	FullReuseEverywhere   bool // Q10: a constant shared by cores is counted in full on each
	RemoveByOwnOperand    bool // Q12: copies under another operand stay behind; a read is priced at the own operand's memory
	WholeTilesMove        bool // Q34: a transfer moves a node's whole output, whatever of it is read where it goes, and every tile of the network's input with its halo
	LongestHeldSource     bool // Q13: a tensor is fetched from where it has been longest, not from where it arrives first
	FirstLinkOnly         bool // of links side by side, only the first of the file carries anything
	ThroughOffchip        bool // Q21: a transfer between cores may pass the off-chip core without being stored there
	OriginSuccessorsOnly  bool // Q70: the removal of an output shared by nodes looks at the first node's readers
	StreamedFromAnywhere  bool // an operand is streamed from off-chip memory whether or not it has been written there
	DeadEndsAreOutputs    bool // all of a layer is a network output if nobody reads one of its nodes, and only then

	// Scheduling: streaming operands that do not fit.

	StreamsNeedNoRoom  bool // Q69: what passes through a core's memory of a streamed operand takes no room there
	StreamsCostNoLinks bool // Q18: the links on which operands are streamed cost no energy, only the memories

	BlocksAreFree    bool // Q2: streamed operands ask for no off-chip bandwidth
	BlocksAskPeak    bool // Q72: a node that streams asks for its peak bandwidth throughout, not for its average
	StretchOff       bool // Q72: a node whose streaming exceeds a link's bandwidth is not slowed down
	BlockBeforeSpace bool // the links are reserved before room for the output is found, possibly too early

	// What only the scheduler of September 2023 does.

	NeverOffload       bool // the runtime never includes the final unloading
	ConstantsStay      bool // a constant that several nodes use leaves a memory only by eviction
	RoomAtOnce         bool // room is made at the time asked for, even if there will be some soon
	WriteAtSenderWidth bool // the accesses of a receiver are counted in words of the sender
	NoBroadcast        bool // Q15: what several cores fetch of one memory moves once for each of them
	BlocksAlone        bool // a node that streams has the links on the way to itself
}

// MovesParts tells whether a transfer moves no more of a tensor than what is read where
// it goes. Where it takes the tensor away from its producer, it has to move all.
func (r *Rules) MovesParts() bool { return !r.WholeTilesMove && !r.FirstTransferMoves }

// Broadcasts tells whether what one memory sends to several cores at the same time takes
// the links that they share once, and is read once. The published way is JoinPastTransfers.
func (r *Rules) Broadcasts() bool { return !r.JoinPastTransfers && !r.NoBroadcast }

// SharesTiles tells whether tiles of a constant that overlap are made of pieces which
// they share: the network's input comes to a core once, without halos again.
func (r *Rules) SharesTiles() bool { return r.MovesParts() && !r.PaddingIsData }

// StreamsTakeRoom tells whether a node that streams has room in its core's memory for
// what passes through it, while it runs. Where space is free before data has left, or
// links are reserved before there is space, there is no time at which that is so.
func (r *Rules) StreamsTakeRoom() bool {
	return !r.StreamsNeedNoRoom && !r.SpaceFreedBeforeLeave && !r.BlockBeforeSpace
}

// Default is the physical model.
func Default() Rules { return Rules{Name: "default"} }

// Reference2024 is the published scheduler of November 2024 with single-core model
// 3.7.4. With model 3.7.2 a lookup failed and BlocksAreFree would be on too.
func Reference2024() Rules {
	return Rules{
		Name:                   "reference-2024",
		PoolingRepeatsChannels: true,
		GroupedWeightsLackK:    true,
		UnaryReadsWeight:       true,
		InputCountsAsWeight:    true,
		TilesEnlargeLayer:      true,
		UnaryStreamsColumns:    true,
		PaddingIsData:          true,
		WholeTileEdges:         true,
		InflatedBits:           true,
		OneEdgePerPair:         true,
		LonelyNodesVanish:      true,
		PartialSumsAreFree:     true,
		OffloadOnlyIfFixed:     true,
		BlocksAskPeak:          true,
		SharedReserveAll:       true,
		FirstTransferMoves:     true,
		SpaceFreedBeforeLeave:  true,
		SpaceByOwnOperand:      true,
		JoinPastTransfers:      true,
		NoWaitIfStored:         true,
		StreamedUsesLinger:     true,
		FullReuseEverywhere:    true,
		RemoveByOwnOperand:     true,
		WholeTilesMove:         true,
		LongestHeldSource:      true,
		FirstLinkOnly:          true,
		ThroughOffchip:         true,
		OriginSuccessorsOnly:   true,
		StreamedFromAnywhere:   true,
		DeadEndsAreOutputs:     true,
		StretchOff:             true,
		StreamsNeedNoRoom:      true,
		StreamsCostNoLinks:     true,
		BlockBeforeSpace:       true,
	}
}

// Reference2023 is the published scheduler of September 2023: links carry one thing
// at a time. How it cuts layers into nodes is not among the rules; see
// docs/scheduling-2023.md.
func Reference2023() Rules {
	r := Reference2024()
	r.Name = "reference-2023"
	r.JoinPastTransfers = false
	r.NoBroadcast = true
	r.NeverOffload = true
	r.ConstantsStay = true
	r.RoomAtOnce = true
	r.WriteAtSenderWidth = true
	r.BlocksAlone = true
	return r
}

// Named returns the rules of the given name.
func Named(name string) (Rules, bool) {
	for _, r := range []Rules{Default(), Reference2024(), Reference2023()} {
		if r.Name == name {
			return r, true
		}
	}
	return Rules{}, false
}

// Names lists the known sets of rules.
func Names() []string { return []string{"default", "reference-2024", "reference-2023"} }
