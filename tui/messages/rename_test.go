package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/tui/sanitize"
)

func TestRenamesOfAPeerShareARow(t *testing.T) {
	f := plainFixture(70, 10)
	rename := func(id, from, to string) { f.ReportRename(id, sanitize.Name(from), sanitize.Name(to)) }
	rename("a", "bob", "bobby")
	if got := f.screen(); !contains(got, "· bob is now called bobby") || contains(got, "new names") {
		t.Errorf("one new name looks so:\n%s", got)
	}
	rename("b", "eve", "eva")
	f.say("carol", "between")
	for i := range 1000 {
		rename("a", fmt.Sprint("bob", i), fmt.Sprint("bob", i+1))
	}
	got := f.screen()
	if strings.Count(got, "is now called") != 2 || !contains(got, "· bob is now called bob1000 (1001 new names)") ||
		!contains(got, "· eve is now called eva") || !contains(got, "between") {
		t.Errorf("a run of new names looks so:\n%s", got)
	}
	f.pass(time.Hour)
	rename("a", "bob1000", "bob")
	if got := f.screen(); !contains(got, "· bob1000 is now called bob") {
		t.Errorf("an hour later:\n%s", got)
	}
	f.Clear()
	rename("a", "bob", "rob")
	if got := f.screen(); !contains(got, "· bob is now called rob") {
		t.Errorf("after /clear:\n%s", got)
	}
	for i := range 5 * maxCounted {
		rename(fmt.Sprint(i), "x", "y")
	}
	if len(f.renamed) > maxCounted {
		t.Errorf("%d peers have rows of their own", len(f.renamed))
	}
}
