package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "chat.lan/p2pchat/"

// may lists, by prefix, which packages of ours a package may import. The longest prefix that fits a
// package rules. net/group stands below everything since all goroutines start there, and net/fair since everything
// that waits is shared by it.
var may = map[string][]string{
	"crypto/identity": {},
	"crypto/":         {"crypto/", "net/group", "net/fair"},
	"vote":            {"crypto/identity"},
	"net/wire":        {"crypto/identity"},
	"net/event":       {"crypto/identity", "vote", "net/fair"},
	"net/fair":        {"crypto/identity"},
	"net/group":       {},
	"net/memnet":      {},
	"net/hostile":     {"crypto/identity", "crypto/record", "vote", "net/wire", "net/group"},
	"net/search":      {},
	"net/lookalike":   {},
	"net/":            {"net/", "crypto/", "vote"},
	"tui/cli":         {"tui", "net/", "crypto/", "vote"},
	"tui":             {"tui/", "net/event", "net/group", "net/search", "net/lookalike", "vote", "crypto/identity"},
}

// forTests are the packages that only tests may import.
var forTests = []string{"net/memnet", "net/hostile"}

// The root holds main.go alone, imports point down, and only the screen knows Charm's libraries.
func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = "../../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(strings.Fields("main.go go.mod go.sum README.md LICENSE testdata tui net crypto vote"), name) {
			t.Errorf("%s has no place in the root", name)
		}
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name, ours := strings.CutPrefix(words[0], module)
		if !ours {
			continue // main may import what it joins
		}
		seen++
		allowed, rule := []string(nil), ""
		for prefix, list := range may {
			if strings.HasPrefix(name, prefix) && len(prefix) > len(rule) {
				allowed, rule = list, prefix
			}
		}
		if rule == "" {
			t.Errorf("%s has no place in the house: give it a rule here", name)
		}
		for _, path := range words[1:] {
			if strings.Contains(path, "charmbracelet") && !strings.HasPrefix(name, "tui") {
				t.Errorf("%s imports %s: only tui may", name, path)
			}
			dep, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			if dep == "net/node" && name != "tui/cli" {
				t.Errorf("%s imports net/node: only tui/cli may", name)
			}
			if slices.Contains(forTests, dep) {
				t.Errorf("%s imports %s: only tests may", name, dep)
			}
			fits := false
			for _, prefix := range allowed {
				fits = fits || strings.HasPrefix(dep, prefix)
			}
			if !fits {
				t.Errorf("%s imports %s: it may import only %q", name, dep, allowed)
			}
		}
	}
	if seen < 15 {
		t.Fatalf("go list named only %d packages of ours", seen)
	}
}

// Every exported identifier has a use outside tests. Exempt are fields (they describe a value together),
// methods that implement an interface, types that a used identifier mentions, and packages that are
// there for tests.
func TestExports(t *testing.T) {
	set := token.NewFileSet()
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles", "./...")
	list.Dir = "../../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	type listed struct {
		ImportPath, Export, Dir string
		GoFiles                 []string
	}
	var ours []listed
	for in := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath+"/", module) && len(p.GoFiles) > 0 {
			ours = append(ours, p)
		}
	}
	compiled := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })

	// A declaration is known by its place: a package's own objects and those that others import differ.
	place := func(o types.Object) string {
		at := set.Position(o.Pos())
		return fmt.Sprint(filepath.Base(filepath.Dir(at.Filename)), "/", filepath.Base(at.Filename), ":", at.Line, ":", o.Name())
	}
	declared := map[string]types.Object{}
	used, interfaceMethods := map[string]bool{}, map[string]bool{}
	for _, name := range strings.Fields("String Format Error Unwrap Is MarshalText UnmarshalText MarshalJSON UnmarshalJSON") {
		interfaceMethods[name] = true // the standard library calls these by reflection
	}
	for _, p := range ours {
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
		config := types.Config{Importer: compiled}
		checked, err := config.Check(p.ImportPath, set, files, &info)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range info.Defs {
			if o == nil || !o.Exported() || slices.Contains(forTests, strings.TrimPrefix(p.ImportPath, module)) {
				continue
			}
			f, isFunc := o.(*types.Func)
			if o.Parent() == checked.Scope() || isFunc && f.Signature().Recv() != nil {
				declared[place(o)] = o
			}
		}
		for _, o := range info.Uses {
			if o.Pkg() != nil && strings.HasPrefix(o.Pkg().Path(), module) {
				used[place(o)] = true
			}
		}
		for _, tv := range info.Types {
			if i, ok := tv.Type.Underlying().(*types.Interface); ok {
				for m := range i.Methods() {
					interfaceMethods[m.Name()] = true
				}
			}
		}
	}
	if len(declared) < 300 || len(used) < 300 {
		t.Fatalf("only %d exported identifiers and %d uses were found", len(declared), len(used))
	}

	// What a used declaration mentions in its type is used too.
	var mention func(types.Type, int)
	mention = func(of types.Type, depth int) {
		switch of := of.(type) {
		case *types.Named:
			if key := place(of.Obj()); of.Obj().Pkg() != nil && !used[key] && declared[key] != nil {
				used[key] = true
				mention(declared[key].Type().Underlying(), depth+1)
			}
			for a := range of.TypeArgs().Types() {
				mention(a, depth)
			}
		case *types.Signature:
			mention(of.Params(), depth)
			mention(of.Results(), depth)
		case *types.Tuple:
			for v := range of.Variables() {
				mention(v.Type(), depth)
			}
		case *types.Struct:
			for f := range of.Fields() {
				if f.Exported() {
					mention(f.Type(), depth)
				}
			}
		case *types.Map:
			mention(of.Key(), depth)
			mention(of.Elem(), depth)
		case interface{ Elem() types.Type }: // pointer, slice, array, channel
			mention(of.Elem(), depth)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(used)) {
		if o := declared[key]; o != nil {
			mention(o.Type(), 0)
			mention(o.Type().Underlying(), 0)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(declared)) {
		o := declared[key]
		name := strings.TrimPrefix(o.Pkg().Path(), module) + "." + o.Name()
		if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
			receiver := f.Signature().Recv().Type()
			if p, ok := receiver.(*types.Pointer); ok {
				receiver = p.Elem()
			}
			named, ok := receiver.(*types.Named)
			if !ok || !named.Obj().Exported() || interfaceMethods[o.Name()] {
				continue
			}
			name = strings.TrimPrefix(o.Pkg().Path(), module) + "." + named.Obj().Name() + "." + o.Name()
		}
		if !used[key] {
			t.Errorf("%s has no use outside tests (%s)", name, set.Position(o.Pos()))
		}
	}
}
