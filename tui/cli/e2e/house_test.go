package e2e

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// limits is the table of all limits: each limit, the constant that holds it, and the test that shows what
// happens at it.
var limits = []struct {
	what  string
	name  string // package folder and constant
	value int64
	test  string // package folder and test
}{
	{"frame", "net/wire.MaxFrame", 64 << 10, "net/wire.TestReader"},
	{"records in a frame", "net/wire.MaxRecords", 48 << 10, "net/node.TestCatchUpOfQuotes"},
	{"record body", "crypto/record.MaxBody", 32 << 10, "crypto/record.TestSignRefuses"},
	{"text of a line", "crypto/record.MaxText", 8 << 10, "crypto/record.TestSignRefuses"},
	{"text at once", "net/replica.maxAtOnce", 1 << 20, "net/node.TestLongText"},
	{"name in a record", "crypto/record.MaxName", 64, "crypto/record.TestSignRefuses"},
	{"name of a profile", "net/profile.MaxName", 64, "net/profile.TestCheckName"},
	{"name on screen", "tui/sanitize.MaxName", 64, "tui/sanitize.TestName"},
	{"links", "net/mesh.MaxLinks", 128, "net/mesh.TestFull"},
	{"handshakes at once", "net/accept.maxHandshakes", 16, "net/accept.TestHandshakes"},
	{"time of a handshake", "net/link.handshakeWithin", int64(5 * time.Second), "net/link.TestPatience"},
	{"native connections that are no link yet", "net/accept.maxArrivals", 256, "net/accept.TestArrivals"},
	{"native connections of one address", "net/accept.maxArrivalsOfAddr", 32, "net/accept.TestArrivals"},
	{"queued to be verified, of a link", "crypto/verify.MaxQueued", 512, "crypto/verify.TestFullQueueHoldsItsReaderOnly"},
	{"links are verified in turn", "crypto/verify.MaxBytes", 512 << 10, "crypto/verify.TestFloodDelaysOthersByOneClaimPerWorker"},
	{"silent connections", "net/accept.maxSilent", 256, "net/accept.TestThousandSilentConnections"},
	{"silent connections of one address", "net/accept.maxSilentOfAddr", 32, "net/accept.TestLimitsOfOneAddress"},
	{"roll", "vote.MaxRoll", 256, "vote.TestForgedProposals"},
	{"seed JSON object", "net/wire.MaxObject", 64 << 10, "net/wire.TestObjectReader"},
	{"beacons a second", "net/discovery.beaconsPerSecond", 256, "net/discovery.TestRatesAreBounded"},
	{"beacons a second of one address", "net/discovery.sourcePerSecond", 25, "net/discovery.TestRatesAreBounded"},
	{"beacons a second of an address of this machine", "net/discovery.localPerSecond", 128, "net/discovery.TestRatesAreBounded"},
	{"instances known by beacons", "net/discovery.maxInstances", 1024, "net/discovery.TestInstancesAreBounded"},
	{"time of a link that makes a key met", "net/standing.metAfter", int64(time.Minute), "net/standing.TestLevelOfLinks"},
	{"time of all links that makes a key met", "net/standing.metInAll", int64(10 * time.Minute), "net/standing.TestLevelOfLinks"},
	{"time of all links that makes a key known", "net/standing.knownInAll", int64(30 * time.Minute), "net/standing.TestLevelOfLinks"},
	{"between the links that make a key known", "net/standing.knownApart", int64(8 * time.Hour), "net/standing.TestOneLongLinkIsOneRun"},
	{"keys of a source that become known in a day", "net/standing.knownPerSource", 4, "net/standing.TestFewOfASourceBecomeKnown"},
	{"keys known by their links", "net/standing.maxKnown", 1024, "net/standing.TestRememberedKeysAreBounded"},
	{"keys whose links are remembered", "net/standing.maxRemembered", 4096, "net/standing.TestRememberedKeysAreBounded"},
	{"remembered names", "net/profile.maxKnown", 4096, "net/profile.TestStrangersPushNobodyOut"},
	{"names of a key in a day", "net/profile.maxNamesADay", 5, "net/profile.TestNamesADay"},
	{"line of a line client", "net/plain.maxWholeLine", 1 << 20, "net/plain.TestLineWithoutEnd"},
	{"connections that wait for a processor", "net/accept.maxUnsettled", 256, "net/accept.TestUnsettledIsBounded"},
	{"connections that wait to be read", "net/accept.maxWaiting", 1024, "net/accept.TestWaitingOfManyAddresses"},
	{"forgeries before a peer is sent away", "net/node.maxForged", 100, "net/node.TestForgerIsSentAway"},
	{"time in which forgeries count", "net/node.forgedIn", int64(10 * time.Second), "net/node.TestForgerIsSentAway"},
	{"time for which a forger is sent away", "net/node.expelledFor", int64(time.Minute), "net/node.TestForgerIsSentAway"},
	{"addresses where a copy of the profile is looked for", "net/node.maxCopies", 8, "net/node.TestOwnBeaconsSentAgain"},
	{"peers heard of", "net/mesh.maxPeers", 1024, "net/mesh.TestFlood"},
	{"dials of hints at once", "net/mesh.maxHinted", 8, "net/mesh.TestFlood"},
	{"dials of hints to one address", "net/mesh.maxHintedAddr", 4, "net/mesh.TestFlood"},
	{"dials of hints from one source", "net/mesh.maxHintedBy", 4, "net/mesh.TestHintsOfOneSource"},
	{"links of one source when all places are taken", "net/mesh.maxOfSource", 8, "net/mesh.TestPlaces"},
	{"between two places for the few links of one source", "net/mesh.placeEvery", int64(10 * time.Second), "net/mesh.TestFewLinksOnceInAWhile"},
	{"answer to a question", "net/room.answerTime", int64(4 * time.Second), "net/room.TestPlannerPassesLiars"},
	{"counter of a record's time", "net/room.maxCounter", 1 << 20, "net/room.TestLocalClockAfterTheGreatestCounter"},
	{"live frames that wait on a link", "net/link.liveFrames", 1366, "net/link.TestManyKeysOfOneSourceShareAPart"},
	{"bytes of live frames that wait on a link", "net/link.liveBytes", 4 << 20 / 3, "net/link.TestManyKeysOfOneSourceShareAPart"},
	{"work of strangers at once", "net/link.freeWork", 2 << 20, "net/link.TestReaderRestsDuringAFlood"},
	{"work of strangers in a second", "net/link.mostWork", 16 << 20, "net/link.TestReadersRestInTurn"},
	{"work of one peer at once", "net/link.ownWork", 64 << 10, "net/link.TestReaderRestsDuringAFlood"},
	{"work of answers at once", "net/link.askedWork", 256 << 20, "net/link.TestAnswersAreBounded"},
	{"frames of records that are expected of a peer", "net/link.maxExpected", 64, "net/link.TestExpectationIsBounded"},
	{"idle flows of a busy queue", "net/fair.maxIdle", 4096, "net/fair.TestIdleFlowsAreForgotten"},
	{"authors that a peer takes slowly", "net/replica.maxSlow", 4096, "net/replica.TestSlowAuthorsAreBounded"},
	{"authors whose last live record is remembered", "net/replica.maxLate", 256, "net/replica.TestLateRecordsAreBounded"},
	{"authors whose hearers are cached", "net/replica.maxHearers", 64, "net/replica.TestHearersFollowLinks"},
	{"operations of a list that the store's writer reuses", "net/store.maxSpare", 64, "net/store.TestSpareOperations"},
	{"authors counted to name floods", "net/replica.maxFlooders", 4096, "net/replica.TestManyFloodersAreFolded"},
	{"a room on disk", "net/replica.DefaultSize", 512 << 20, "net/replica.TestFloodTakesAQuarter"},
	{"refused authors told one by one", "net/replica.maxTold", 1024, "net/replica.TestTakeRefused"},
	{"names of authors", "net/replica.maxNames", 1 << 14, "net/replica.TestNamesAreBounded"},
	{"first meetings", "net/replica.maxFirstSeen", 1 << 16, "net/replica.TestFirstSeenIsBounded"},
	{"records that wait for others", "net/room.maxWaitingBytes", 8 << 20, "net/room.TestWaitingIsFair"},
	{"feeds in memory by rule", "net/room.MaxWarmFeeds", 4096, "net/replica.TestColdBesideFlood"},
	{"feeds in memory, times the rule", "net/room.timesFull", 16, "net/room.TestMayBegin"},
	{"feeds in memory, when one author has most", "net/room.timesShared", 8, "net/room.TestMayBegin"},
	{"feeds in memory, before authors give way", "net/room.timesPressed", 3, "net/room.TestMakeSpace"},
	{"blocks that the store is asked for in vain at once", "net/room.maxRefused", 64, "net/room.TestMakeSpaceEndsSoon"},
	{"feeds that a peer claims", "net/room.MaxClaims", 1 << 15, "net/room.TestClaimsInPartsAreBounded"},
	{"feeds that a peer's records with gaps claim", "net/room.maxNoted", 1 << 8, "net/room.TestNotedFeedsAreBounded"},
	{"feeds that strangers of one source claim", "net/replica.maxStrangersClaims", 1 << 15, "net/replica.TestStrangersOfASourceShareTheirClaims"},
	{"feeds of frontiers that aren't complete, of one source", "net/replica.maxFrontier", 100_000, "net/replica.TestStrangersOfASourceShareTheirClaims"},
	{"objects that a JSON peer must take within a second", "net/plain.fewTaken", 8, "net/plain.TestWaitSpaceIsShortForASlowOne"},
	{"unknown kinds of a feed", "net/room.MaxUnknown", 1 << 20, "net/room.TestUnknownKindsAreBounded"},
	{"keys near a peer, in its Hello", "net/wire.MaxNear", 1024, "net/link.TestFirstFrame"},
	{"others named in a Bye", "net/wire.MaxByePeers", 3, "net/mesh.TestNewcomerBesideAFullHouse"},
	{"keys remembered of a peer's Links", "net/node.maxNeighbours", 256, "net/node.TestApplyLinksIsBounded"},
	{"between two addresses that a peer hears of again", "net/node.contactRefresh", int64(time.Minute), "net/node.TestContactsGoToThoseThatLackThem"},
	{"people shown as relayed that were never linked", "net/node.maxRelayed", 128, "net/node.TestMadeUpNeighbours"},
	{"alarms about one name in a minute", "net/node.alarmsOfName", 4, "net/node.TestAlarmsAreBounded"},
	{"between two dials to another partition", "net/mesh.joinEvery", int64(30 * time.Second), "net/mesh.TestMadeUpPartitionCostsNoLink"},
	{"between two probes of an address", "net/plain.probeEvery", int64(30 * time.Second), "net/plain.TestProbesAreRare"},
	{"silence of a seed's program before the first message", "net/plain.silentFor", int64(time.Second), "net/plain.TestProbeOfAThirdHost"},
	{"addresses remembered that are no chat", "net/plain.maxRemembered", 256, "net/plain.TestProbedAddressesAreBounded"},
	{"silence until bodies are asked for again", "net/replica.bodiesSilence", int64(15 * time.Second), "net/replica.TestSilentPeerIsAskedSeldom"},
	{"authors, blocks and feeds that a source has us look at in a second", "net/replica.outlineRate", 1 << 16, "net/replica.TestOutlinesInVainCostLittle"},
	{"the same at once", "net/replica.outlineBurst", 1 << 20, "net/replica.TestOutlinesInVainCostLittle"},
	{"the same for one answer, and that a source may owe", "net/replica.outlineDebt", 1 << 18, "net/replica.TestOutlinesInMemoryCount"},
	{"sources that may ask for sums by themselves", "net/replica.maxOutlineFor", 1024, "net/replica.TestOutlineBudgetsAreBounded"},
	{"searches that one Heads begins", "net/replica.searchesOf", 4, "net/replica.TestFalseHeadsCostLittle"},
}

func TestLimits(t *testing.T) {
	packages := map[string]*types.Package{}
	for _, l := range limits {
		folder, name := divide(l.name)
		if packages[folder] == nil {
			packages[folder] = constants(t, folder)
		}
		c, ok := packages[folder].Scope().Lookup(name).(*types.Const)
		if !ok {
			t.Errorf("%s: there is no constant %s", l.what, l.name)
			continue
		}
		if v, exact := constant.Int64Val(constant.ToInt(c.Val())); !exact || v != l.value {
			t.Errorf("%s: %s is %v, want %d", l.what, l.name, c.Val(), l.value)
		}
		if folder, name := divide(l.test); !hasTest(t, folder, name) {
			t.Errorf("%s: there is no test %s", l.what, l.test)
		}
	}
}

func divide(path string) (folder, name string) {
	i := strings.LastIndexByte(path, '.')
	return path[:i], path[i+1:]
}

// constants checks a package's files as far as its constants need it; what it imports is left out, but
// for the units of time.
func constants(t *testing.T, folder string) *types.Package {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, f := range sources(t, folder) {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, parsed)
	}
	config := types.Config{Importer: units{}, Error: func(error) {}, IgnoreFuncBodies: true}
	p, _ := config.Check(folder, set, files, nil) // the error is of the imports that were left out
	return p
}

// units imports package time, with what a constant may be made of, and no other.
type units struct{}

func (units) Import(path string) (*types.Package, error) {
	if path != "time" {
		return nil, os.ErrNotExist
	}
	p := types.NewPackage("time", "time")
	name := types.NewTypeName(token.NoPos, p, "Duration", nil)
	duration := types.NewNamed(name, types.Typ[types.Int64], nil)
	p.Scope().Insert(name)
	for unit, d := range map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour} {
		p.Scope().Insert(types.NewConst(token.NoPos, p, unit, duration, constant.MakeInt64(int64(d))))
	}
	p.MarkComplete()
	return p, nil
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	for _, f := range sources(t, folder) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") && strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}

func sources(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../..", filepath.FromSlash(folder), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", folder, err)
	}
	return files
}

// packageFigures are the figures of one package.
type packageFigures struct {
	source, tests int // lines
	doc           bool
	fields        map[string]int // struct → fields
	methods       map[string]int // type → methods
}

var document = regexp.MustCompile(`\b[A-Z][A-Za-z]*\.md\b`)

// The house rules on size: files of at most 400 lines with a median of at most 150, types with at most 60
// methods and 30 fields, tests of at least 0.6 of the source. Every package and every exported identifier
// is documented, and no comment names a document that isn't in the repository.
func TestHouseRules(t *testing.T) {
	var lengths []int
	all := map[string]*packageFigures{}
	set := token.NewFileSet()
	err := filepath.WalkDir("../../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." && path != "../../.." {
			return cmp.Or(err, filepath.SkipDir)
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel("../../..", path)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		folder = strings.TrimSuffix(folder, "/e2e") // the tests of tui/cli
		p := all[folder]
		if p == nil {
			p = &packageFigures{fields: map[string]int{}, methods: map[string]int{}}
			all[folder] = p
		}
		lines := strings.Count(string(text), "\n")
		file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, c := range file.Comments {
			for _, named := range document.FindAllString(c.Text(), -1) {
				if _, err := os.Stat(filepath.Join("../../..", named)); err != nil {
					t.Errorf("document %s at %s isn't in the repository", named, set.Position(c.Pos()))
				}
			}
		}
		if strings.HasSuffix(path, "_test.go") {
			p.tests += lines
			return nil
		}
		p.source += lines
		p.doc = p.doc || file.Doc != nil
		lengths = append(lengths, lines)
		if lines > 400 {
			t.Errorf("%s has %d lines", name, lines)
		}
		for _, d := range file.Decls {
			p.measure(t, set, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lengths)
	if median := lengths[len(lengths)/2]; median > 150 {
		t.Errorf("the median file has %d lines", median)
	}
	for _, folder := range slices.Sorted(maps.Keys(all)) {
		p := all[folder]
		if !p.doc {
			t.Errorf("package %s has no comment", folder)
		}
		if p.source > 100 && 10*p.tests < 6*p.source {
			t.Errorf("lines of tests: %s has %d for %d of source", folder, p.tests, p.source)
		}
		for name, n := range p.methods {
			if n > 60 {
				t.Errorf("methods: %s.%s has %d", folder, name, n)
			}
		}
		for name, n := range p.fields {
			if n > 30 {
				t.Errorf("fields: %s.%s has %d", folder, name, n)
			}
		}
	}
}

// measure counts a declaration's methods and fields, and checks that what it exports is
// documented, and that a function's comment begins with its name: a rename must not leave the old one.
func (p *packageFigures) measure(t *testing.T, set *token.FileSet, d ast.Decl) {
	undocumented := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if first, _, _ := strings.Cut(d.Doc.Text(), " "); d.Doc != nil && first != d.Name.Name {
			t.Errorf("%s: the comment of %s begins with %q", set.Position(d.Pos()), d.Name.Name, first)
		}
		if d.Recv == nil {
			undocumented(d.Name, d.Doc)
			return
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if generic, ok := of.(*ast.IndexExpr); ok {
			of = generic.X
		}
		receiver, ok := of.(*ast.Ident)
		if !ok {
			return
		}
		p.methods[receiver.Name]++
		if receiver.IsExported() {
			undocumented(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				undocumented(s.Name, d.Doc, s.Doc, s.Comment)
				if of, ok := s.Type.(*ast.StructType); ok {
					p.fields[s.Name.Name] = of.Fields.NumFields()
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					undocumented(name, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
}
