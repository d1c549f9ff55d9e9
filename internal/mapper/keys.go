package mapper

import (
	"bytes"
	"hash/maphash"
)

// keys is a set of keys of beginnings. All of them lie in one piece of memory, which
// is used again after clear.
type keys struct {
	seed  maphash.Seed
	text  []byte
	ends  []int    // of the keys in text
	hash  []uint64 // of the keys
	table []int32  // by hash: 1 + number of a key, 0 for none; as many as a power of two
	// size is about what the keys take, in bytes.
	size int
}

// keyOverhead is about what a key takes besides its text.
const keyOverhead = 48

// clear empties the set.
func (k *keys) clear() {
	if k.table == nil {
		k.seed, k.table = maphash.MakeSeed(), make([]int32, 1024)
	}
	if len(k.ends) > 0 {
		clear(k.table)
	}
	k.text, k.ends, k.hash, k.size = k.text[:0], k.ends[:0], k.hash[:0], 0
}

// find tells whether a key is in the set, and otherwise where it belongs.
func (k *keys) find(key []byte) (hash uint64, at int, found bool) {
	hash = maphash.Bytes(k.seed, key)
	mask := uint64(len(k.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		n := int(k.table[i]) - 1
		if n < 0 {
			return hash, int(i), false
		}
		if k.hash[n] == hash && bytes.Equal(k.key(n), key) {
			return hash, int(i), true
		}
	}
}

func (k *keys) key(n int) []byte {
	from := 0
	if n > 0 {
		from = k.ends[n-1]
	}
	return k.text[from:k.ends[n]]
}

// add adds a key where find has found that it belongs.
func (k *keys) add(key []byte, hash uint64, at int) {
	k.text = append(k.text, key...)
	k.ends, k.hash = append(k.ends, len(k.text)), append(k.hash, hash)
	k.size += len(key) + keyOverhead
	k.table[at] = int32(len(k.ends))
	if 2*len(k.ends) <= len(k.table) {
		return
	}
	k.table = make([]int32, 4*len(k.table))
	mask := uint64(len(k.table) - 1)
	for n, h := range k.hash {
		i := h & mask
		for k.table[i] != 0 {
			i = (i + 1) & mask
		}
		k.table[i] = int32(n + 1)
	}
}
