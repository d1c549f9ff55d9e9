package page

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	stream "streamdse"
	"streamdse/internal/report"
)

// browser starts a headless Chromium for a test, and skips the test without one.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium to open the page in")
	}
	began := time.Now()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1500, 950))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	t.Logf("%s started in %.1f s", path, time.Since(began).Seconds())
	t.Cleanup(func() {
		began := time.Now()
		if err := chromedp.Cancel(ctx); err != nil {
			t.Log(err)
		}
		t.Logf("and stopped in %.1f s", time.Since(began).Seconds())
	})
	return ctx
}

// tab is a page that is open.
type tab struct {
	*testing.T
	ctx     context.Context
	mu      sync.Mutex
	trouble []string // exceptions, and requests of anything but the page itself
}

// open writes the page for results into a file and opens it.
func open(t *testing.T, ctx context.Context, results ...*report.Data) *tab {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, results); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	p := &tab{T: t, ctx: ctx}
	url := "file://" + file
	err := chromedp.Listen(ctx, func(ev any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := ev.(type) {
		case *cdpruntime.EventExceptionThrown:
			text := e.ExceptionDetails.Text
			if e.ExceptionDetails.Exception != nil {
				text += " " + e.ExceptionDetails.Exception.Description
			}
			p.trouble = append(p.trouble, text)
		case *network.EventRequestWillBeSent:
			if e.Request.URL != url {
				p.trouble = append(p.trouble, "the page asks for "+e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(url))
	p.await("window.opened > 0")
	t.Logf("%d KB, opened in %.0f ms", b.Len()/1024, p.number("window.opened"))
	return p
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fatal(err)
	}
}

// await waits until an expression holds.
func (p *tab) await(expression string) {
	p.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.Fatalf("%s does not become true: %v\n%s", expression, err, strings.Join(p.trouble, "\n"))
	}
}

func (p *tab) number(expression string) float64 {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (p *tab) text(expression string) string {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// shoot keeps a screenshot in the folder that STREAM_SCREENSHOTS names, if any.
func (p *tab) shoot(name string) {
	p.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.Fatal(err)
	}
	if dir := os.Getenv("STREAM_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o666); err != nil {
			p.Fatal(err)
		}
	}
}

// clean fails if anything went wrong in the page.
func (p *tab) clean() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.trouble {
		p.Error(x)
	}
}

// box is where on the page an event of a run is drawn.
func (p *tab) box(run int, event string) (x, y float64) {
	at := func(axis string) float64 {
		return p.number(fmt.Sprintf(`(() => { const p = page.view.painter, b = p.place(page.view.lanes, page.runs[%d], %s), c = byId("canvas").getBoundingClientRect();
			return { x: c.left + (b.x0 + b.x1) / 2 / p.ratio, y: c.top + (b.y + b.h / 2) / p.ratio }.%s })()`, run, event, axis))
	}
	return at("x"), at("y")
}

// TestBrowser opens pages in one browser.
func TestBrowser(t *testing.T) {
	ctx := browser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{{"results", results}, {"hostile names", hostileNames}, {"large", largePage}} {
		t.Run(test.name, func(t *testing.T) {
			tab, cancel := chromedp.NewContext(ctx)
			defer cancel()
			test.run(t, tab)
		})
	}
}

func results(t *testing.T, ctx context.Context) {
	fused, single := sample(t, stream.Fused), sample(t, stream.LayerByLayer)
	p := open(t, ctx, fused, single)
	defer p.clean()
	p.shoot("fused-light")

	// Totals.
	figures := p.text(`byId("figures").innerText`)
	for _, want := range []string{"latency", fmt.Sprintf("%.3g M cycles", float64(fused.Schedule.Latency)/1e6), "no schedule beats", "Critical path", "core memories", "Cores busy"} {
		if !strings.Contains(figures, want) {
			t.Errorf("the panel does not say %q:\n%s", want, figures)
		}
	}
	layers := 0
	for i := range fused.Graph.Layers {
		if len(fused.Graph.Layers[i].Nodes) > 0 {
			layers++
		}
	}
	if got := p.number(`document.querySelectorAll("#table tbody tr").length`); int(got) != layers {
		t.Errorf("the table has %v rows, the network %d layers", got, layers)
	}

	t.Run("zoom", func(t *testing.T) {
		span := `page.view.to - page.view.from`
		all := p.number(span)
		p.number(`(byId("canvas").dispatchEvent(new WheelEvent("wheel", {deltaY: -400, clientX: 600, clientY: 200, cancelable: true})), 0)`)
		near := p.number(span)
		if near > all*0.6 {
			t.Errorf("the wheel zoomed from %v to %v cycles", all, near)
		}
		p.do(chromedp.Focus("#canvas"), chromedp.KeyEvent("+"))
		if got := p.number(span); got >= near {
			t.Errorf("+ zoomed from %v to %v cycles", near, got)
		}
		from := p.number("page.view.from")
		p.do(chromedp.KeyEvent(kb.ArrowRight))
		right := p.number("page.view.from")
		if right <= from {
			t.Errorf("the right arrow moved from %v to %v", from, right)
		}
		p.do(chromedp.MouseEvent("mousePressed", 700, 200, chromedp.ButtonLeft, chromedp.ClickCount(1)),
			chromedp.MouseEvent("mouseMoved", 500, 200, chromedp.ButtonLeft), chromedp.MouseEvent("mouseReleased", 500, 200, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		if got := p.number("page.view.from"); got <= right {
			t.Errorf("dragging to the left moved from %v to %v", right, got)
		}
		p.do(chromedp.Click("#fit"))
		if got := p.number(span); got != all {
			t.Errorf("Fit shows %v of %v cycles", got, all)
		}
	})
	t.Run("select", func(t *testing.T) { selecting(t, p) })
	t.Run("search", func(t *testing.T) { searching(t, p) })
	t.Run("theme", func(t *testing.T) {
		p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
			return err
		}))
		p.await(`document.documentElement.dataset.theme === "dark"`)
		p.shoot("fused-dark")
		p.do(chromedp.Click("#theme"))
		if got := p.text("document.documentElement.dataset.theme"); got != "light" {
			t.Errorf("the button gives the theme %q", got)
		}
	})
	t.Run("both", func(t *testing.T) {
		p.do(chromedp.Click("#modes button:nth-child(3)"))
		if got := p.number(`new Set(page.view.lanes.map((l) => l.run.mode)).size`); got != 2 {
			t.Errorf("both modes show lanes of %v runs", got)
		}
		if got := p.number("page.view.horizon"); got != float64(max(fused.Horizon(), single.Horizon())) {
			t.Errorf("the time axis ends at %v", got)
		}
		p.shoot("both-light")
	})
	t.Run("keyboard", func(t *testing.T) {
		p.text(`document.activeElement.blur()`)
		var visited []string
		for range 14 {
			p.do(chromedp.KeyEvent(kb.Tab))
			visited = append(visited, p.text(`document.activeElement.id || document.activeElement.tagName`))
		}
		for _, want := range []string{"search", "fit", "theme", "canvas", "side"} {
			if !slices.Contains(visited, want) {
				t.Errorf("the tabulator does not reach %q: %v", want, visited)
			}
		}
	})
}

// selecting clicks on a node and follows what it waited for.
func selecting(t *testing.T, p *tab) {
	x, y := p.box(0, "page.runs[0].layers.find((l) => l.nodes > 3).first + 3 + 1")
	p.do(chromedp.MouseClickXY(x, y))
	p.await("page.state.selection !== null")
	event := p.number("page.state.selection.event")
	details := p.text(`byId("selected").innerText`)
	for _, want := range []string{"Waited for", "Loop ranges", "Cycles", "compute", "stall", "loading", "Energy", "operations", "Read by"} {
		if !strings.Contains(details, want) {
			t.Errorf("the details do not say %q:\n%s", want, details)
		}
	}
	p.do(chromedp.Focus("#canvas"), chromedp.KeyEvent("\r"))
	p.await("page.view.pending === 0")
	p.shoot("selected-light")
	p.do(chromedp.KeyEvent("w"))
	if got := p.number("page.state.selection.event"); got == event {
		t.Error("w does not lead to what the node waited for")
	}
	p.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("0"))
	if got := p.text("page.state.selection"); got != "null" {
		t.Errorf("Escape leaves %s selected", got)
	}
	p.do(chromedp.MouseEvent("mouseMoved", x, y))
	p.await(`!byId("tip").hidden && byId("tip").textContent.includes("waited for")`)
}

// searching finds a layer, and a node of it.
func searching(t *testing.T, p *tab) {
	name := p.text("page.runs[0].layers[2].short")
	p.do(chromedp.SendKeys("#search", name))
	p.await(`byId("found").children.length > 0`)
	p.shoot("search-light")
	p.do(chromedp.KeyEvent("\r"))
	if got := p.number("page.state.layer"); got != 2 {
		t.Errorf("searching for %q finds layer %v", name, got)
	}
	p.text(`byId("search").value = ""`)
	p.do(chromedp.SendKeys("#search", name+" 2"))
	p.await(`[...byId("found").children].some((e) => e.textContent.endsWith(" 2"))`)
	p.do(chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent("\r")) // the last one found
	if got := p.text(`byId("selected").querySelector("h2").textContent`); got != name+" 2" {
		t.Errorf("searching for node 2 of %q selects %q", name, got)
	}
	p.do(chromedp.Focus("#canvas"), chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("0"))
}

// A name is text, whatever it holds.
func hostileNames(t *testing.T, ctx context.Context) {
	d := sample(t, stream.LayerByLayer)
	const name = `</script><img src=x onerror="window.broken=1">'"&<b>`
	renamed := *d.Graph
	renamed.Layers = slices.Clone(d.Graph.Layers)
	layer := *renamed.Layers[0].Layer
	layer.Name = name
	renamed.Layers[0].Layer = &layer
	d.Graph = &renamed
	d.Inputs.Workload.Name = name
	p := open(t, ctx, d)
	defer p.clean()
	p.number(`(page.select(page.runs[0], 1, true), 0)`)
	if got := p.text("window.broken"); got != "undefined" {
		t.Error("a name ran as a script")
	}
	if got := p.text(`page.runs[0].layers[0].name`); got != name {
		t.Errorf("the name became %q", got)
	}
	if got := p.text(`document.querySelector("h1").textContent`); !strings.HasPrefix(got, name) {
		t.Errorf("the title became %q", got)
	}
}

// The page opens within two seconds with 100,000 nodes, and draws 60 frames a second.
func largePage(t *testing.T, ctx context.Context) {
	if testing.Short() {
		t.Skip("schedules 100,000 nodes")
	}
	d := large(t)
	p := open(t, ctx, d)
	defer p.clean()
	p.shoot("large-light")
	opened := p.number("window.opened")
	frames := p.number(panning)
	slowest := p.number("window.slowest")
	t.Logf("%d nodes, %d transfers: opened in %.0f ms; a frame is drawn in %.1f ms (median), %.1f ms (95 of 100)", len(d.Graph.Nodes), len(d.Schedule.Transfers), opened, frames, slowest)
	p.number(`(page.select(page.runs[0], 50000, true), 0)`)
	p.await("page.view.pending === 0")
	p.shoot("large-selected-light")
	if busy(t) {
		t.Log("the machine is busy with other things: the times say nothing")
		return
	}
	if opened > 2000 {
		t.Errorf("opened in %.0f ms", opened)
	}
	if frames > 1000.0/60 {
		t.Errorf("a frame takes %.1f ms, too long for 60 a second", frames)
	}
}

// panning moves over the schedule at several distances and gives the time in
// milliseconds that half of the frames are drawn in; window.slowest that of 95 of 100.
const panning = `(async () => {
	const v = page.view, all = [];
	for (const part of [1, 0.3, 0.03, 0.001]) {
		v.from = v.horizon * (1 - part) / 3;
		v.to = v.from + v.horizon * part;
		v.frames.length = 0;
		for (let i = 0; i < 40; i++) {
			v.pan((v.to - v.from) / 100);
			await new Promise(requestAnimationFrame);
		}
		all.push(...v.frames);
	}
	all.sort((a, b) => a - b);
	window.slowest = all[Math.floor(all.length * 0.95)];
	v.fit();
	return all[all.length >> 1];
})()`

// busy tells whether the machine has more to do than it has processors.
func busy(t *testing.T) bool {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Log(err)
		return true
	}
	load, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	return err != nil || load > float64(runtime.NumCPU())
}
