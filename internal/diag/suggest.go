package diag

import (
	"fmt"
	"math"
	"strings"
)

// DidYouMean is a hint that names the candidate nearest to a misspelt word, or
// "" if none is near.
func DidYouMean(word string, candidates []string) string {
	if best := Nearest(word, candidates); best != "" {
		return fmt.Sprintf("did you mean `%s`?", best)
	}
	return ""
}

// Nearest returns the candidate that is closest to the misspelt word, the first
// of equally close ones, or "" if none is close: at most a third of its
// letters wrong, missing, surplus or swapped.
func Nearest(word string, candidates []string) string {
	if len(word) > 100 {
		return ""
	}
	best, bestDistance := "", math.MaxInt
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d < bestDistance && 3*d <= max(len(word), len(c)) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of letters to change, insert, delete or swap with
// their neighbour to get from a to b.
func distance(a, b string) int {
	var before, prev, row []int
	for j := 0; j <= len(b); j++ {
		prev = append(prev, j)
	}
	for i := 1; i <= len(a); i++ {
		row = make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := prev[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, prev[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}
