package yamldoc

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) (*File, *Node) {
	t.Helper()
	f, root := Parse("f.yaml", []byte(text))
	if root == nil {
		t.Fatal(f.Problems())
	}
	return f, root
}

func TestScalars(t *testing.T) {
	f, root := parse(t, "int: 16_777_216\nhex: 0x10\nwhole: 32.0\nexp: 1e3\nfloat: .5\nyes: True\ntext: K, 32\nquoted: \"5\"\njson: {\"a\": [1, 2]}\nanchor: &a [7]\nalias: *a\nnothing: ~\n")
	v := func(key string) *Node { return root.All(key)[0] }
	for key, want := range map[string]int64{"int": 16777216, "hex": 16, "whole": 32, "exp": 1000} {
		if got, ok := v(key).Int(0); !ok || got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
	if x, ok := v("float").Positive(); !ok || x != 0.5 {
		t.Errorf("float: %v", x)
	}
	if x, ok := v("yes").Bool(); !ok || !x {
		t.Errorf("yes: %v", x)
	}
	if x, ok := v("text").Text(); !ok || x != "K, 32" {
		t.Errorf("text: %q", x)
	}
	if x, ok := v("int").Text(); !ok || x != "16_777_216" {
		t.Errorf("int as text: %q", x)
	}
	if l := v("alias").List(); len(l) != 1 || l[0].Line != 10 || l[0].Path != "anchor[0]" {
		t.Errorf("alias: %+v", l)
	}
	if l := v("json").Entries(); len(l) != 1 || l[0].Key != "a" || len(l[0].Value.List()) != 2 {
		t.Errorf("json: %+v", l)
	}
	if f.Problems() != nil {
		t.Errorf("problems: %v", f.Problems())
	}
	v("quoted").Int(0)
	v("nothing").Text()
	v("json").List()
	v("text").Entries()
	v("float").Int(0)
	v("int").Float(math.Inf(1))
	want := "f.yaml:1:6: int: must be at least +Inf, found 1.6777216e+07\n" +
		"f.yaml:5:8: float: must be a whole number, found .5\n" +
		"f.yaml:7:7: text: must be a mapping, found \"K, 32\"\n" +
		"f.yaml:8:9: quoted: must be a whole number, found \"5\"\n" +
		"f.yaml:9:7: json: must be a list, found a mapping\n" +
		"f.yaml:12:10: nothing: must be text, found nothing"
	if got := f.Problems().Error(); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
}

func TestFields(t *testing.T) {
	f, root := parse(t, "size: 1\nsize: 1\ncost: 2\ncost: 3\nportz: 1\nport: [1]\nport: [2]\nempty:\n")
	x, ok := root.Fields(Spec{Required: []string{"size", "empty", "area"}, Optional: []string{"cost", "port"}, Replaceable: []string{"port"}})
	if !ok || len(x.All("port")) != 2 || x.Get("port").List()[0].Line != 7 || x.Get("absent") != nil || x.Get("empty") != nil {
		t.Errorf("fields %+v", x)
	}
	want := "f.yaml:1:1: required key `area` is missing\n" +
		"f.yaml:4:1: key `cost` is given twice, first on line 3\n  hint: keep one of the two\n" +
		"f.yaml:5:1: unknown key `portz`\n  allowed: size, empty, area, cost, port\n  hint: did you mean `port`?\n" +
		"f.yaml:8:1: required key `empty` has no value"
	if got := f.Problems().Error(); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
	if w := f.Warnings(); len(w) != 1 || w[0].Line != 2 || !strings.Contains(w[0].Message, "`size` is given twice") {
		t.Errorf("warnings %v", w)
	}
}

func TestNilNode(t *testing.T) {
	var n *Node
	n.Text()
	n.Int(0)
	n.Float(0)
	n.Bool()
	n.Positive()
	n.OneOf("a")
	if n.List() != nil || n.Entries() != nil || n.All("a") != nil || n.Has("a") || n.Problems() != 0 {
		t.Error("a missing value has content")
	}
	if _, ok := n.Fields(Spec{Required: []string{"a"}}); ok {
		t.Error("a missing value is a mapping")
	}
}

// TestHostile reads files that could exhaust the stack, the memory or the patience of a parser.
func TestHostile(t *testing.T) {
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i < 40; i++ {
		p := string(rune('0'+(i-1)/10)) + string(rune('0'+(i-1)%10))
		q := string(rune('0'+i/10)) + string(rune('0'+i%10))
		bomb = strings.Replace(bomb, "a0: &a0", "a00: &a00", 1) + "a" + q + ": &a" + q + " [*a" + p + ", *a" + p + "]\n"
	}
	bomb += "b: *a39\nb: *a38\n"
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 100000),
		"braces":   strings.Repeat("{a: ", 30000),
		"entries":  strings.Repeat("- ", 50000) + "x",
		"keys":     strings.Repeat("? ", 50000) + "x",
		"tags":     strings.Repeat("!a ", 30000) + "x",
		"anchors":  strings.Repeat("&a ", 30000) + "x",
		"indentation": func() (s string) {
			var b strings.Builder
			for i := range 500 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(),
		"own alias":    "a: &a [*a]\n",
		"alias bomb":   bomb,
		"huge":         strings.Repeat("a: 1\n", 1<<20),
		"binary":       "a: \x00\n",
		"bad UTF-8":    "\xff\xfe: \xc0\n",
		"only a comma": ",",
	} {
		t.Run(name, func(t *testing.T) {
			f, root := Parse("f.yaml", []byte(text))
			root.Fields(Spec{Optional: []string{"a", "b"}})
			root.Entries()
			if name != "bad UTF-8" && len(f.Problems()) == 0 {
				t.Error("no problem")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: [1, {b: c}]\n- d", "x: &y {z: *y}\n", "? a\n: b\n", "a: |\n  b\n", "{\"a\": 1.5e3}", "- K, *\n", "a: !!int 5", "<<: 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, root := Parse("f.yaml", []byte(text))
		if root == nil && len(file.Problems()) == 0 {
			t.Fatal("nothing read and nothing said")
		}
		var walk func(n *Node, depth int)
		walk = func(n *Node, depth int) {
			if depth > 4 {
				return
			}
			n.Text()
			n.Int(0)
			n.Float(0)
			for _, x := range slices.Concat(n.List()) {
				walk(x, depth+1)
			}
			for _, e := range n.Entries() {
				walk(e.Value, depth+1)
			}
		}
		walk(root, 0)
		_ = file.Problems().Error()
	})
}
