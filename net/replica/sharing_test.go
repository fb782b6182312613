package replica

import (
	"testing"
	"time"
)

func TestFormatSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		12 * time.Hour: "12h", 48 * time.Hour: "2d", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m",
		20 * time.Second: "20s", 10*time.Hour + 10*time.Second: "10h0m10s",
	} {
		if got := formatSpan(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
